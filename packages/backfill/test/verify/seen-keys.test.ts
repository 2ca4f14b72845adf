// The keys of the items that a run has read, and the copies whose items are read once more.

import { describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { type Image, itemKeyOf } from "@sluice/core/envelope";
import { lambdaContext, memoryUpsertSink, streamRecord, toImage } from "@sluice/testing";
import { backfillRecord, type Finding, type VerifyOptions, verifyTable } from "../../src/index.ts";
import { seenKeys } from "../../src/verify/seen-keys.ts";

const keyOf = (id: string): Image => ({ id: { S: id } });
const ids = (count: number, prefix: string): string[] => [...Array(count).keys()].map((number) => `${prefix}${number}`);

describe("the set", () => {
  test("has the keys that were added, also after it has grown, and no other", () => {
    const seen = seenKeys();
    const known = ids(5_000, "known-");
    for (const id of known) seen.add(keyOf(id));
    expect(known.filter((id) => !seen.has(keyOf(id)))).toEqual([]);
    expect(ids(5_000, "other-").filter((id) => seen.has(keyOf(id)))).toEqual([]);
  });

  test("keeps what it has when it is full", () => {
    const seen = seenKeys(2);
    for (const id of ["a", "a", "b", "c"]) seen.add(keyOf(id));
    expect(["a", "b", "c"].map((id) => seen.has(keyOf(id)))).toEqual([true, true, false]);
  });
});

const origin = {
  run: "verify-1",
  streamArn: "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678",
  keyNames: ["id"],
};
const silent = { info: () => undefined, warn: () => undefined };

/** A table of items that exist when it is scanned, and of items that are inserted just after the scan. */
const world = async (scanned: readonly string[], inserted: readonly string[]) => {
  const sink = memoryUpsertSink<object>({ name: "copies" });
  const one = pipeline<{ id: string }>("orders", { onReject: "block", logger: silent }).to(sink, ({ after }) => ({
    name: after.id,
  }));
  const Records = [...scanned, ...inserted].map((id, index) =>
    streamRecord({ keyNames: ["id"], tableName: "Orders", after: { id }, position: index + 1 }),
  );
  await one.handler()({ Records } as never, lambdaContext());
  const images = new Map([...scanned, ...inserted].map((id) => [itemKeyOf(keyOf(id)), toImage({ id })]));
  const reads: string[] = [];
  let now = Date.now();
  const options: VerifyOptions = {
    targets: one.targets(),
    origin,
    keyTypes: { id: "S" },
    clock: {
      now: () => now,
      random: () => 0.5,
      sleep: async (ms) => {
        now += ms;
      },
    },
    table: {
      read: async (keys, _, { keysOnly = false } = {}) => {
        reads.push(...keys.map(({ id }) => `${(id as { readonly S: string }).S}${keysOnly ? " (key)" : ""}`));
        return new Map(
          keys.flatMap((key) => {
            const image = images.get(itemKeyOf(key));
            return image === undefined ? [] : [[itemKeyOf(key), image] as const];
          }),
        );
      },
    },
    source: {
      name: "table Orders",
      units: async () => [{ kind: "segment", segment: 0, segments: 1 }],
      pages: async function* () {
        const records = scanned.map((id) => backfillRecord(origin, toImage({ id }), "1800000000000000"));
        yield { records, cursor: undefined, readUnits: 1 };
      },
    },
  };
  const verify = async () => {
    const findings: Finding[] = [];
    const report = await verifyTable(options, {
      signal: new AbortController().signal,
      onFinding: (finding) => findings.push(finding),
    });
    return { report, found: findings.map(({ class: kind, keys }) => `${kind} ${(keys.id as { S: string }).S}`) };
  };
  const corrupt = (id: string, change: Parameters<typeof sink.corrupt>[1]) =>
    sink.corrupt(itemKeyOf(keyOf(id)), change);
  return { verify, reads, corrupt };
};

describe("verifyTable", () => {
  test("reads no item once more whose copy is right", async () => {
    const { verify, reads } = await world(ids(20, "o-"), []);
    const { report } = await verify();
    expect(report).toMatchObject({ isEqual: true, items: 20, copies: 20 });
    expect(reads).toEqual([]);
  });

  test("finds a ghost among copies of items that it has seen", async () => {
    const { verify, reads, corrupt } = await world(ids(20, "o-"), []);
    corrupt("ghost", (held) => held ?? { version: "", message: { name: "ghost" }, keys: keyOf("ghost") });
    const { found } = await verify();
    expect(found).toEqual(["ghost ghost"]);
    expect(new Set(reads)).toEqual(new Set(["ghost"]));
  });

  test("compares the copy of an item that was inserted after the scan", async () => {
    const { verify, corrupt } = await world(ids(20, "o-"), ["new-1", "new-2"]);
    corrupt("new-2", (held) => held && { ...held, message: { name: "wrong" } });
    const { report, found } = await verify();
    expect(found).toEqual(["different new-2"]);
    expect(report.tally.copies).toMatchObject({ counts: { equal: 20, different: 1 } });
  });
});
