import { expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { itemKeyOf, type StreamRecord } from "@sluice/core/envelope";
import { SinkError } from "@sluice/core/sink-kit";
import { memoryUpsertSink, toImage } from "@sluice/testing";
import {
  backfillRecord,
  type Invoke,
  type ItemSource,
  microsOf,
  type TaskAnswer,
  type Unit,
  verifyTable,
} from "../../src/index.ts";

const streamArn = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-02T03:04:05.678";
const origin = { run: "run", streamArn, keyNames: ["id"] };
const images = ["a", "b", "c"].map((id) => toImage({ id }));

/** One item a page. */
const source: ItemSource = {
  name: "table orders",
  units: async () => [{ kind: "segment", segment: 0, segments: 1 } satisfies Unit],
  pages: async function* () {
    for (const [index, image] of images.entries()) {
      const records: StreamRecord[] = [backfillRecord(origin, image, microsOf(Date.now()))];
      yield { records, cursor: index === images.length - 1 ? undefined : String(index), readUnits: 1 };
    }
  },
};

const silent = { info: () => undefined, warn: () => undefined };

test("a copy that has lost its version is different, although its content is right, and a repair gives it one", async () => {
  const memory = memoryUpsertSink<object>();
  const orders = pipeline("orders", { onReject: "block", logger: silent }).to(memory, ({ keys }) => ({ id: keys.id }));
  const handler = orders.handler();
  const invoke: Invoke = async (event) => (await handler(event)) as unknown as TaskAnswer;
  const records = images.map((image) => backfillRecord(origin, image, microsOf(Date.now())));
  await invoke({ sluice: { task: "backfill" }, Records: records }, new AbortController().signal);
  const itemKey = itemKeyOf({ id: { S: "b" } });
  memory.corrupt(itemKey, (held) => held && { ...held, version: "" });
  const table = { read: async () => new Map(images.map((image) => [itemKeyOf(image), image])) };
  const verify = (repair?: Invoke) =>
    verifyTable(
      {
        targets: orders.targets(),
        source,
        table,
        origin,
        keyTypes: { id: "S" },
        graceMs: 0,
        ...(repair && { repair }),
      },
      { signal: new AbortController().signal },
    );
  const found = { class: "different", keys: { id: { S: "b" } }, members: [], version: "" };
  expect((await verify()).examples).toMatchObject([found]);
  expect((await verify(invoke)).examples).toMatchObject([{ ...found, repair: "repaired" }]);
  expect((await verify()).examples).toEqual([]);
});

test("a target that fails in the middle ends the run with what was found before", async () => {
  const memory = memoryUpsertSink<object>();
  let reads = 0;
  const sink = {
    ...memory,
    read: async (...args: Parameters<NonNullable<typeof memory.read>>) => {
      reads += 1;
      if (reads > 2) throw new SinkError("SINK_DENIED", "[memory] the permission is gone");
      return memory.read?.(...args) ?? [];
    },
  };
  const targets = pipeline("orders", { onReject: "block", logger: silent })
    .to(sink, ({ keys }) => ({ id: keys.id }))
    .targets();
  const table = { read: async () => new Map() };
  const report = await verifyTable(
    { targets, source, table, origin, keyTypes: { id: "S" }, graceMs: 0 },
    { signal: new AbortController().signal, parallel: 1 },
  );
  expect(report).toMatchObject({ isComplete: false, isEqual: false, stopped: "[memory] the permission is gone" });
});
