// The torture table: small deterministic cases in which other replicators lose or damage data. These tests use memory
// sinks, the whole handler and Lambda's retries. Cases that depend on a target's guard are in the tests of the sink
// packages. redrive-command.test.ts tests redrives with the real command.

import { describe, expect, test } from "@jest/globals";
import { type BatchResponse, type DeadLetterQueue, type PipelineHandler, pipeline } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import { decodeRecord, type StreamRecord } from "@sluice/core/sink-kit";
import {
  lambdaContext,
  memoryAppendSink,
  memoryUpsertSink,
  sqsEvent,
  streamEvent,
  streamRecord,
  tableHistory,
} from "@sluice/testing";

const quiet = { info: () => undefined, warn: () => undefined };

const memoryDeadLetterQueue = (): DeadLetterQueue & { readonly envelopes: Envelope[] } => {
  const envelopes: Envelope[] = [];
  return {
    envelopes,
    write: async (batch) => {
      envelopes.push(...batch);
      return { stored: new Set(batch), errors: [] };
    },
  };
};

const invoke = (handler: PipelineHandler, records: readonly StreamRecord[]): Promise<BatchResponse> =>
  handler(streamEvent(records), lambdaContext());

/**
 * Creates one handler with an upsert sink and an append sink. A message contains the item's revision. For a removal,
 * the append sink's message contains `kind` instead.
 */
const setUp = () => {
  const rows = memoryUpsertSink<unknown>({ name: "rows" });
  const log = memoryAppendSink<unknown>({ name: "log", maxEntries: 10 });
  const deadLetters = memoryDeadLetterQueue();
  const handler = pipeline("torture", { deadLetterQueue: deadLetters, logger: quiet })
    .to(rows, ({ after }) => after.revision)
    .to(log, ({ keys, after, kind }) => [keys.pk, after?.revision ?? kind], { dedupe: "none" })
    .handler();
  return { rows, log, deadLetters, handler };
};

type Setup = ReturnType<typeof setUp>;

const rowsOf = ({ rows }: Setup): unknown[] => [...rows.items().values()];
const sent = ({ log }: Setup): unknown[] => log.sent().map(({ message }) => message);
const item = (pk: string, revision: number) => ({ pk, sk: "1", revision });
const keys = (pk: string) => ({ pk, sk: "1" });

/** Creates an append sink. Each write takes as long as the number that `delays` returns. */
const delaying = (delays: () => number): ReturnType<typeof memoryAppendSink<unknown>> => {
  const sink = memoryAppendSink<unknown>({ name: "log" });
  const supports = { writes: "append" as const, maxEntries: 1, concurrency: 8 };
  return {
    ...sink,
    supports,
    write: async (batch, context) => {
      for (let ticks = delays(); ticks > 0; ticks -= 1) await new Promise((resolve) => setImmediate(resolve));
      return sink.write(batch, context);
    },
  };
};

test("200 changes of ten items arrive in the order of each item, although latencies are random", async () => {
  let seed = 20261123;
  const delays = (): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 16) % 6;
  };
  const table = tableHistory();
  const records = Array.from({ length: 200 }, (_, index) => table.put(item(`item-${index % 10}`, index)));
  const log = delaying(delays);
  const handler = pipeline("torture", { onReject: "block", logger: quiet })
    .to(log, ({ keys: { pk }, after }) => [pk, after?.revision], { dedupe: "none" })
    .handler();
  await invoke(handler, records);
  const revisions = new Map<unknown, number[]>();
  for (const { message } of log.sent()) {
    const [pk, revision] = message as [string, number];
    revisions.set(pk, [...(revisions.get(pk) ?? []), revision]);
  }
  expect(log.sent()).toHaveLength(200);
  for (const list of revisions.values()) expect(list).toEqual([...list].sort((a, b) => a - b));
});

test("after a remove and an insert of the same key in one batch, the item exists", async () => {
  const table = tableHistory();
  const all = setUp();
  await invoke(all.handler, [table.put(item("a", 1))]);
  await invoke(all.handler, [table.remove(keys("a")), table.put(item("a", 2))]);
  expect(rowsOf(all)).toEqual([2]);
  expect(sent(all)).toEqual([
    ["a", 1],
    ["a", "remove"],
    ["a", 2],
  ]);
});

test("a failed record and a later record of the same key stay in order, and the item ends with the later one", async () => {
  const table = tableHistory();
  const records = [table.put(item("a", 1)), table.put(item("a", 2)), table.put(item("b", 3))];
  const all = setUp();
  const [failing] = records as [StreamRecord, ...StreamRecord[]];
  all.log.fail({ kind: "throttle-one", change: decodeRecord(failing) });
  const { batchItemFailures } = await invoke(all.handler, records);
  expect(batchItemFailures).toEqual(
    records.slice(0, 2).map(({ dynamodb }) => ({ itemIdentifier: dynamodb?.SequenceNumber })),
  );
  expect(sent(all)).toEqual([["b", 3]]);
  all.log.endFault();
  await invoke(all.handler, records);
  expect(sent(all)).toEqual([
    ["b", 3],
    ["a", 1],
    ["b", 3],
    ["a", 2],
  ]);
  expect(rowsOf(all)).toEqual([2, 3]);
});

describe("replay", () => {
  test("of an old change does not overwrite a newer change", async () => {
    const table = tableHistory();
    const [old, later] = [table.put(item("a", 1)), table.put(item("a", 2))];
    const all = setUp();
    await invoke(all.handler, [old]);
    await invoke(all.handler, [later]);
    await invoke(all.handler, [old]);
    expect(rowsOf(all)).toEqual([2]);
  });

  test("after a delete does not resurrect the item", async () => {
    const table = tableHistory();
    const [old, removal] = [table.put(item("a", 1)), table.remove(keys("a"))];
    const all = setUp();
    for (const batch of [[old], [removal], [old]]) await invoke(all.handler, batch);
    expect(rowsOf(all)).toEqual([]);
  });

  test("of an old change does not overwrite a newer change whose longer sequence number is smaller as text", async () => {
    const table = tableHistory();
    const records = Array.from({ length: 12 }, (_, index) => table.put(item("a", index + 1)));
    const all = setUp();
    await invoke(all.handler, records);
    await invoke(all.handler, records.slice(8, 9));
    expect(rowsOf(all)).toEqual([12]);
  });

  test("of an old stream does not overwrite changes of the re-created stream", async () => {
    const table = tableHistory();
    const old = Array.from({ length: 5 }, (_, index) => table.put(item("a", index + 1)));
    table.recreateStream("2026-03-04T05:06:07.890");
    const fresh = table.put(item("a", 9));
    const all = setUp();
    for (const batch of [old, [fresh], old]) await invoke(all.handler, batch);
    expect(rowsOf(all)).toEqual([9]);
  });
});

test("one bad record of three is dead-lettered whole, the other two are delivered, and the redrive succeeds", async () => {
  const table = tableHistory();
  const records = [table.put(item("a", 1)), table.put(item("b", 2)), table.put(item("c", 3))];
  const all = setUp();
  const bad = records[1] as StreamRecord;
  all.rows.fail({ kind: "refuse", change: decodeRecord(bad) });
  expect(await invoke(all.handler, records)).toEqual({ batchItemFailures: [] });
  expect(rowsOf(all)).toEqual([1, 3]);
  expect(all.deadLetters.envelopes).toMatchObject([{ sink: "rows", code: "SINK_REJECTED", record: bad }]);

  all.rows.endFault();
  const before = all.log.requests();
  expect(await all.handler(sqsEvent(all.deadLetters.envelopes), lambdaContext())).toEqual({ batchItemFailures: [] });
  expect(rowsOf(all).sort()).toEqual([1, 2, 3]);
  expect(all.log.requests()).toBe(before);
});

describe("values", () => {
  const exact = {
    id: { S: "a" },
    beyond: { N: "9007199254740993" },
    digits: { N: "12345678901234567890123456789012345678" },
    wide: { N: "1.5E+100" },
    tags: { SS: ["b", "a"] },
    numbers: { NS: ["1", "12345678901234567890"] },
    bytes: { B: "AAEC/w==" },
    parts: { BS: ["AA==", "/w=="] },
    empty: { S: "" },
    nested: { M: { list: { L: [{ NULL: true }, { N: "0.1" }, { BOOL: false }] } } },
  };
  const record = { ...streamRecord({ after: { pk: "a" } }) };
  const exactRecord = { ...record, dynamodb: { ...record.dynamodb, Keys: { id: { S: "a" } }, NewImage: exact } };

  test("2^53+1, 38 digits, 1.5E100, sets and binary arrive exactly, also through JSON", async () => {
    const log = memoryAppendSink<string>();
    const handler = pipeline("torture", { onReject: "block", logger: quiet })
      .to(log, ({ after }) => JSON.stringify(after), { dedupe: "none" })
      .handler();
    await invoke(handler, [exactRecord as StreamRecord]);
    expect(JSON.parse(log.sent()[0]?.message ?? "")).toEqual({
      id: "a",
      beyond: "9007199254740993",
      digits: "12345678901234567890123456789012345678",
      wide: 1.5e100,
      tags: ["a", "b"],
      numbers: ["12345678901234567890", 1],
      bytes: "AAEC/w==",
      parts: ["/w==", "AA=="].sort(),
      empty: "",
      nested: { list: [null, 0.1, false] },
    });
  });
});

test("composite keys with the same concatenation stay two items", async () => {
  const all = setUp();
  await invoke(all.handler, [
    streamRecord({ after: { pk: "a#b", sk: "c", revision: 1 }, position: 1 }),
    streamRecord({ after: { pk: "a", sk: "b#c", revision: 2 }, position: 2 }),
  ]);
  expect(rowsOf(all)).toEqual([1, 2]);
});

describe("a sink that is down for a whole batch", () => {
  test("is reported for every record, blocks no other sink, and receives every change later", async () => {
    const table = tableHistory();
    const records = [table.put(item("a", 1)), table.put(item("b", 2))];
    const all = setUp();
    all.rows.fail({ kind: "down" });
    const { batchItemFailures } = await invoke(all.handler, records);
    expect(batchItemFailures).toHaveLength(2);
    expect(sent(all)).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(all.deadLetters.envelopes).toEqual([]);
    all.rows.endFault();
    expect(await invoke(all.handler, records)).toEqual({ batchItemFailures: [] });
    expect(rowsOf(all)).toEqual([1, 2]);
  });

  test("because of a missing permission causes no dead letter", async () => {
    const all = setUp();
    all.rows.fail({ kind: "deny" });
    const { batchItemFailures } = await invoke(all.handler, [tableHistory().put(item("a", 1))]);
    expect(batchItemFailures).toHaveLength(1);
    expect(all.deadLetters.envelopes).toEqual([]);
  });

  test("after it accepted the batch and its response was lost, receives the same idempotency keys again", async () => {
    const record = tableHistory().put(item("a", 1));
    const all = setUp();
    all.log.fail({ kind: "drop-after-send" });
    await invoke(all.handler, [record]);
    all.log.endFault();
    await invoke(all.handler, [record]);
    expect(new Set(all.log.sent().map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  });
});
