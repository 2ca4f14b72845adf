import { describe, expect, test } from "@jest/globals";
import type { Change, UpsertDelivery } from "@sluice/core/sink-kit";
import { decodeRecord, type Origin } from "@sluice/core/sink-kit";
import { streamChange, streamRecord } from "@sluice/testing";
import { bodyOf, documentText, type EncodeOptions, encode, encodeBatch } from "../src/encode.ts";
import { guardScript } from "../src/write/guard.ts";
import type { RecentWrite } from "../src/write/recent-writes.ts";

const withRecent = (written: RecentWrite | undefined): EncodeOptions => ({
  sink: "test",
  recent: { get: (idText) => (idText === '"a"' ? written : undefined) },
  now: 1_767_323_045_000,
});
const options = withRecent(undefined);
const byScript: EncodeOptions = { sink: options.sink, now: options.now };

const insertOf = (origin: Origin = "stream"): Change =>
  decodeRecord(streamRecord({ keyNames: ["pk"], after: { pk: "a" } }), origin);
const modify = streamChange({ keyNames: ["pk"], before: { pk: "a", n: 1 }, after: { pk: "a" } });
const remove = streamChange({ keyNames: ["pk"], before: { pk: "a" } });

const delivery = (message: object | undefined, change: Change = insertOf(), earlier: readonly Change[] = []) =>
  ({ change, message, earlier }) satisfies UpsertDelivery<object>;

/** The two parsed lines of an entry. */
const linesOf = (lines: string): unknown[] =>
  lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("an entry", () => {
  test("creates the document of an insert", () => {
    const change = insertOf();
    expect(linesOf(encode(delivery({ title: "T" }, change), options).lines)).toEqual([
      { create: { _id: "a" } },
      { _sluice: { version: change.version }, title: "T" },
    ]);
  });

  test("updates the document of a modification with the guard's script", () => {
    expect(linesOf(encode(delivery({ title: "T" }, modify), options).lines)).toEqual([
      { update: { _id: "a", retry_on_conflict: 5 } },
      {
        scripted_upsert: true,
        script: { source: guardScript, params: { d: { _sluice: { version: modify.version }, title: "T" } } },
        upsert: {},
      },
    ]);
  });

  test("has the same document for both actions", () => {
    const message = { a: 1.5, b: [1n], c: new Set(["y", "x"]) };
    const [, document] = linesOf(encode(delivery(message), options).lines);
    const [, update] = linesOf(encode(delivery(message), byScript).lines) as [
      unknown,
      { script: { params: { d: unknown } } },
    ];
    expect(update.script.params.d).toEqual(document);
  });

  test("of a removal is a tombstone with the time at which it is written", () => {
    const [, update] = linesOf(encode(delivery(undefined, remove), byScript).lines);
    const tombstone = { version: remove.version, deleted: true, deletedAt: 1_767_323_045_000 };
    expect(update).toMatchObject({ script: { params: { d: { _sluice: tombstone } } } });
  });

  test("contains the key if the id is the key's hash", () => {
    const change = streamChange({ keyNames: ["pk"], after: { pk: "k".repeat(600) } });
    const [action, document] = linesOf(encode(delivery({}, change), options).lines);
    expect(action).toEqual({ create: { _id: expect.stringMatching(/^%sha256-/) } });
    expect(document).toEqual({ _sluice: { version: change.version, key: "k".repeat(600) } });
  });

  test("of an empty document contains only the guard", () => {
    const change = insertOf();
    expect(encode(delivery({}, change), options).lines.split("\n")[1]).toBe(
      `{"_sluice":{"version":"${change.version}"}}`,
    );
  });

  test.each([
    ["an insert of the stream", delivery({}), "create"],
    ["an insert of a backfill", delivery({}, insertOf("backfill")), "create"],
    ["an insert that was redriven", delivery({}, insertOf("redrive")), "update"],
    ["an insert that was replayed", delivery({}, insertOf("replay")), "update"],
    ["a modification that supersedes an insert", delivery({}, modify, [insertOf()]), "create"],
    ["an insert that supersedes a removal", delivery({}, insertOf(), [remove]), "update"],
    ["a removal", delivery(undefined, remove), "update"],
  ] as const)("of %s has the action %s", (_name, one, action) => {
    expect(encode(one, options).action).toBe(action);
  });

  test("replaces a document that this sink wrote last, on the condition that no other writer has changed it", () => {
    const sequenceNumber = { seqNo: 17, primaryTerm: 2 };
    const older = withRecent({ version: "0", mayBeTombstone: false, sequenceNumber });
    expect(linesOf(encode(delivery({ title: "T" }, modify), older).lines)).toEqual([
      { index: { _id: "a", if_seq_no: 17, if_primary_term: 2 } },
      { _sluice: { version: modify.version }, title: "T" },
    ]);
    expect(encode(delivery(undefined, remove), older).action).toBe("index");
    for (const origin of ["redrive", "replay", "backfill"] as const) {
      expect(encode(delivery({}, insertOf(origin)), older).action).toBe("update");
    }
  });

  test("of a change that is probably superseded only compares versions, and does not send the document", () => {
    const seen = withRecent({ version: modify.version, mayBeTombstone: false });
    const entry = encode(delivery({ title: "T" }, modify), seen);
    const [action, request] = linesOf(entry.lines);
    expect([entry.action, action]).toEqual(["check", { update: { _id: "a" } }]);
    expect(request).toEqual({ script: { source: expect.any(String), params: { v: modify.version, m: true } } });
  });

  test("uses the script for a document whose sequence number is unknown", () => {
    expect(encode(delivery({}), withRecent({ version: "0", mayBeTombstone: false })).action).toBe("update");
  });

  test("of a message does not count as superseded by a remembered tombstone of its version", () => {
    const tombstone = { version: modify.version, mayBeTombstone: true, sequenceNumber: { seqNo: 1, primaryTerm: 1 } };
    const leaving = { ...delivery({}, modify), message: undefined };
    expect(encode(delivery({}, modify), withRecent(tombstone)).action).toBe("index");
    expect(encode(leaving, withRecent(tombstone)).action).toBe("check");
    expect(encode(leaving, withRecent({ ...tombstone, mayBeTombstone: false })).action).toBe("check");
  });

  test("of a precaution contains no document until the index is known to hold one", () => {
    for (const change of [modify, insertOf(), remove]) {
      const leaving = { ...delivery(undefined, change), onlyIfPresent: true } as const;
      const entry = encode(leaving, options);
      expect([entry.action, linesOf(entry.lines)]).toEqual(["exists", [{ update: { _id: "a" } }, { doc: {} }]]);
      const [, request] = linesOf(encode(leaving, byScript).lines);
      expect(request).not.toHaveProperty("upsert");
      expect(request).not.toHaveProperty("scripted_upsert");
    }
  });

  test("of a last attempt shows the document to ingest pipelines, without the guard, and hides a tombstone", () => {
    const last = { ...byScript, isLast: true } as const;
    const [, request] = linesOf(encode(delivery({ title: "T" }, modify), last).lines);
    expect(request).toMatchObject({ upsert: { title: "T" }, script: { params: { d: { title: "T" } } } });
    expect((request as { upsert: object }).upsert).not.toHaveProperty("_sluice");
    const [action, removal] = linesOf(encode(delivery(undefined, remove), last).lines);
    expect([action, removal]).toMatchObject([{ update: { pipeline: "_none" } }, { upsert: {} }]);
    const long = delivery({ title: "x".repeat(1_000) }, modify);
    const [, short] = linesOf(encode(long, { ...last, maxBytes: 2_000 }).lines);
    expect(short).toMatchObject({ upsert: {} });
  });

  test("counts its bytes in UTF-8", () => {
    const [narrow, wide] = ["e", "é"].map((note) => encode(delivery({ note }), options).bytes);
    expect((wide ?? 0) - (narrow ?? 0)).toBe(1);
  });
});

describe("the body of a request", () => {
  test("contains the lines of its entries, byte by byte", () => {
    const notes = ["plain", "é", "한국어", "😀", "half \ud800 of one", 'a\nb"c\\', ""];
    const entries = notes.flatMap((note) => [options, byScript].map((one) => encode(delivery({ note }), one)));
    expect(bodyOf(entries).toString("utf8")).toBe(entries.map(({ lines }) => lines).join(""));
    expect(bodyOf([])).toHaveLength(0);
  });
});

describe("a document's text", () => {
  test.each([
    ["a plain object", { a: [1, "x", null, true, { b: undefined }] }, '{"a":[1,"x",null,true,{}]}'],
    ["a set", { s: new Set(["b", "a"]) }, '{"s":["a","b"]}'],
    ["bytes", { b: new Uint8Array([0, 255, 128, 10]) }, '{"b":"AP+ACg=="}'],
    ["a big integer", { n: 9_007_199_254_740_993n }, '{"n":"9007199254740993"}'],
    ["a date", { d: new Date(0) }, '{"d":"1970-01-01T00:00:00.000Z"}'],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ["a nested set", { a: [{ s: new Set([2, 10]) }] }, '{"a":[{"s":[10,2]}]}'],
  ])("of %s", (_name, message, text) => {
    expect(documentText(message)).toBe(text);
  });

  test("keeps 38 digits as text", () => {
    const digits = "12345678901234567890123456789012345678";
    const { after } = streamChange({ after: { pk: "a", sk: "b", amount: BigInt(digits) } });
    expect(documentText(after ?? {})).toContain(`"amount":"${digits}"`);
  });
});

describe("a message that is not a document", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;

  test.each([
    ["is an array", [], "SINK_REJECTED"],
    ["is a text", "document" as unknown as object, "SINK_REJECTED"],
    ["is null", null as unknown as object, "SINK_REJECTED"],
    ["has the field that the sink sets", { _sluice: {} }, "SINK_REJECTED"],
    ["contains itself", cyclic, "MAPPING_FAILED"],
  ])("is refused alone where it %s", (_name, message, code) => {
    const [good, bad] = [delivery({}), delivery(message)];
    const { entries, results } = encodeBatch([good, bad], options);
    expect(entries.map((entry) => entry.delivery)).toEqual([good]);
    expect(results).toEqual([{ delivery: bad, outcome: "failed", error: expect.objectContaining({ code }) }]);
  });
});
