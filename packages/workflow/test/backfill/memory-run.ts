// A run in memory: objects with conditional writes, a table that is scanned in pages, and a clock that a test controls.

import type { Pipeline, UnknownItem } from "@sluice/core";
import { pipeline } from "@sluice/core";
import type { Clock, Image } from "@sluice/core/sink-kit";
import { fakeClock } from "@sluice/local";
import { type MemoryUpsertSink, memoryUpsertSink } from "@sluice/testing";
import type { CopyClients, Plan, PlanEvent } from "../../src/index.ts";
import { silent } from "./orders.ts";

export const bucket = "runs";
export const streamArn = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-02T03:04:05.678";

const s3Error = (name: string): Error => Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 412 } });

/** Objects of S3 with conditional writes. */
export const memoryObjects = () => {
  const objects = new Map<string, { text: string; etag: string }>();
  let tags = 0;
  const client = {
    getObject: async ({ Key }: { Key: string }) => {
      const object = objects.get(Key);
      if (object === undefined) throw Object.assign(s3Error("NoSuchKey"), { $metadata: { httpStatusCode: 404 } });
      const { text, etag } = object;
      const Body = {
        transformToString: async () => text,
        transformToByteArray: async () => new Uint8Array(Buffer.from(text)),
      };
      return { Body, ETag: etag, ContentLength: text.length };
    },
    putObject: async (input: { Key: string; Body: string; IfMatch?: string; IfNoneMatch?: string }) => {
      const { Key, Body, IfMatch, IfNoneMatch } = input;
      const held = objects.get(Key)?.etag;
      if (IfNoneMatch === "*" && held !== undefined) throw s3Error("PreconditionFailed");
      if (IfMatch !== undefined && held !== IfMatch) throw s3Error("PreconditionFailed");
      tags += 1;
      objects.set(Key, { text: Body, etag: `"${tags}"` });
      return { ETag: `"${tags}"` };
    },
    listObjectsV2: async ({ Prefix, ContinuationToken = "" }: { Prefix: string; ContinuationToken?: string }) => {
      const keys = [...objects.keys()].filter((key) => key.startsWith(Prefix) && key > ContinuationToken).sort();
      const page = keys.slice(0, 2);
      const more = keys.length > 2 ? { NextContinuationToken: page.at(-1) as string } : {};
      return { Contents: page.map((Key) => ({ Key })), ...more };
    },
  };
  const textOf = (name: string): string => objects.get(`sluice/runs/r-1/${name}`)?.text ?? "";
  const named = (beginning: string): string[] =>
    [...objects.keys()].map((key) => key.replace("sluice/runs/r-1/", "")).filter((key) => key.startsWith(beginning));
  return { client: client as unknown as NonNullable<CopyClients["s3"]>, objects, textOf, named };
};

/** A table with one segment, whose pages have `pageSize` items. */
export const memoryTable = (items: readonly Image[], pageSize: number) => {
  const scans: string[] = [];
  const client = {
    scan: async ({ ExclusiveStartKey }: { ExclusiveStartKey?: { id: { S: string } } }) => {
      const after = ExclusiveStartKey?.id.S ?? "";
      scans.push(after);
      const rest = items.filter((item) => (item.id as { S: string }).S > after);
      const Items = rest.slice(0, pageSize);
      const ConsumedCapacity = { CapacityUnits: 100 };
      return rest.length > pageSize
        ? { Items, LastEvaluatedKey: { id: Items.at(-1)?.id }, ConsumedCapacity }
        : { Items, ConsumedCapacity };
    },
    batchGetItem: async ({ RequestItems }: { RequestItems: { orders: { Keys: { id: { S: string } }[] } } }) => {
      const wanted = new Set(RequestItems.orders.Keys.map(({ id }) => id.S));
      return { Responses: { orders: items.filter((item) => wanted.has((item.id as { S: string }).S)) } };
    },
    describeTable: async () => ({
      Table: {
        LatestStreamArn: streamArn,
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      },
    }),
    middlewareStack: { add: () => undefined, remove: () => true },
  };
  return { client: client as unknown as NonNullable<CopyClients["dynamodb"]>, scans };
};

type Table = NonNullable<CopyClients["dynamodb"]>;

/** The date of an answer of DynamoDB is the time of a run. Each description takes a second. */
export const withDates = (table: Table, now: () => number, advance: (ms: number) => void): Table => {
  let dated = async (): Promise<unknown> => undefined;
  const time = {
    middlewareStack: {
      add: (wrap: (next: () => Promise<unknown>) => () => Promise<unknown>) => {
        dated = wrap(async () => ({ response: { headers: { date: new Date(now()).toUTCString() } } }));
      },
      remove: () => true,
    },
    describeTable: async (input: { TableName: string }) => {
      await dated();
      advance(1_000);
      return table.describeTable(input);
    },
  };
  return { ...table, ...time } as unknown as Table;
};

/** The event source mapping of the live function. */
export const mapping = (changes: object = {}) => ({
  listEventSourceMappings: async () => ({
    EventSourceMappings: [
      {
        FunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:orders",
        State: "Enabled",
        StartingPosition: "TRIM_HORIZON",
        LastModified: new Date(startMs - 86_400_000),
        ...changes,
      },
    ],
  }),
});

/** Items with the ids `o-01`, `o-02` and so on. */
export const someItems = (count: number): Image[] =>
  Array.from({ length: count }, (_, n) => ({
    id: { S: `o-${String(n + 1).padStart(2, "0")}` },
    total: { N: String(n) },
  }));

export const startMs = Date.parse("2026-02-01T00:00:00Z");

/** A clock that jumps to the end of the next sleep, when all code is asleep. */
export const testClock = (onSleep: (ms: number) => void = () => undefined) => {
  const fake = fakeClock(startMs);
  let ahead = 0;
  const clock: Clock = {
    now: () => fake.now() + ahead,
    sleep: async (ms, signal) => {
      // Without a millisecond, a loop of empty sleeps would never let the time pass.
      await fake.sleep(Math.max(1, ms), signal);
      if (!signal.aborted) onSleep(ms);
    },
    random: () => 0.5,
  };
  return {
    clock,
    advance: (ms: number) => {
      ahead += ms;
    },
  };
};

/** A pipeline with a target in memory. Its mapper refuses orders whose total is in `refused`. */
export const memoryPipeline = (
  refused: readonly number[] = [],
  listsKeys = true,
): { pipeline: Pipeline<UnknownItem>; target: MemoryUpsertSink<unknown> } => {
  const target = memoryUpsertSink<unknown>({ name: "copy" });
  const { keys: _, ...withoutKeys } = target;
  const orders = pipeline("orders", { onReject: "block", logger: silent, retry: { maxAttempts: 1 } }).to<
    unknown,
    "upsert"
  >(listsKeys ? target : withoutKeys, ({ after }) => {
    if (refused.includes(Number(after.total))) throw new Error("refused");
    return after;
  });
  return { pipeline: orders, target };
};

export const planEvent = (input: object = {}, changes: Partial<PlanEvent> = {}): PlanEvent => ({
  settings: {},
  maxConcurrency: 4,
  execution: "r-1",
  startedAt: new Date(startMs).toISOString(),
  input,
  ...changes,
});

/** A plan of a table with one segment. */
export const onePlan = (changes: Partial<Plan> = {}): Plan => ({
  bucket,
  prefix: "sluice/runs/r-1/",
  mode: "backfill",
  pipeline: "orders",
  run: "r-1",
  execution: "r-1",
  startedAt: new Date(startMs).toISOString(),
  rate: { concurrency: 4 },
  source: { kind: "table", table: "orders", segments: 1, asOf: "1769904000000000" },
  origin: { run: "r-1", streamArn, keyNames: ["id"] },
  keyTypes: { id: "S" },
  items: { bucket, key: "sluice/runs/r-1/units.jsonl" },
  results: "sluice/runs/r-1/results",
  ...changes,
});

export const unit = { kind: "segment", segment: 0, segments: 1 } as const;
