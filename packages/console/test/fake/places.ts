// The pipelines of the fake host, their queues and engines.

import type { Image } from "@sluice/core/sink-kit";
import type { Abilities, About, ConsoleQueueKind, EngineAbout, PipelineAbout, QueueAbout } from "../../src/index.ts";

/** How much the fake host has. */
export type FakeData = "none" | "little" | "much";

const orders: PipelineAbout = {
  name: "orders",
  table: "orders",
  keyNames: ["id"],
  routes: [
    { name: "orders-to-postgres", sink: "postgres", writes: "upsert", isReadable: true },
    { name: "orders-to-search", sink: "opensearch", writes: "upsert", isReadable: true },
    { name: "order-events", sink: "sqs", writes: "append", isReadable: false },
  ],
};

const sinks = [
  { sink: "postgres", writes: "upsert", isReadable: true },
  { sink: "opensearch", writes: "upsert", isReadable: true },
  { sink: "dynamodb", writes: "upsert", isReadable: true },
  { sink: "webhook", writes: "append", isReadable: false },
] as const;

const longName = (name: string, part: string): string =>
  `${name}-${part}-of-the-subsidiary-in-Liechtenstein-with-the-new-warehouse-system`;

const customers: PipelineAbout = {
  name: longName("customers", "and-their-addresses"),
  table: longName("production-eu-central-1-customers", "table"),
  keyNames: ["tenant", "customerId"],
  routes: sinks.map((route) => ({ ...route, name: longName(`customers-to-${route.sink}`, "copy") })),
};

const shipments: PipelineAbout = {
  name: "shipments",
  table: "shipments",
  keyNames: ["pk", "sk"],
  routes: sinks.map((route) => ({ ...route, name: `shipments-to-${route.sink}` })),
};

const manyOrders: PipelineAbout = {
  ...orders,
  routes: [
    ...orders.routes,
    {
      name: "mail-on-order-with-a-value-above-the-limit-of-the-customer",
      sink: "email",
      writes: "append",
      isReadable: false,
    },
  ],
};

/** The pipelines for so much data. */
export const fakePipelines = (data: FakeData): readonly PipelineAbout[] =>
  data === "much" ? [manyOrders, customers, shipments] : [orders];

const queueKinds: readonly ConsoleQueueKind[] = ["retry queue", "dead letters", "on-failure destination"];

/** The queues of the pipelines: three each. */
export const fakeQueues = (pipelines: readonly PipelineAbout[]): readonly QueueAbout[] =>
  pipelines.flatMap(({ name: pipeline }) =>
    queueKinds.map((kind) => {
      const name = `${pipeline}-${kind.replaceAll(" ", "-")}`;
      return { pipeline, kind, name, url: `http://127.0.0.1:9324/000000000000/${name}` };
    }),
  );

const engines: readonly EngineAbout[] = [
  {
    name: "DynamoDB",
    address: "http://127.0.0.1:8000",
    lines: [
      {
        label: "Put an item",
        command: `aws dynamodb put-item --endpoint-url http://127.0.0.1:8000 --table-name orders --item '{"id":{"S":"o-1"},"total":{"N":"12.5"}}'`,
      },
    ],
  },
  {
    name: "Postgres",
    address: "postgres://127.0.0.1:5433/sluice",
    lines: [{ label: "Open psql", command: "psql postgres://sluice@127.0.0.1:5433/sluice" }],
  },
  {
    name: "OpenSearch",
    address: "http://127.0.0.1:9200",
    lines: [{ label: "Search", command: "curl http://127.0.0.1:9200/orders/_search?pretty" }],
  },
  { name: "Queues", address: "http://127.0.0.1:9324", lines: [] },
];

const abilities: Abilities = {
  changes: true,
  item: true,
  redrive: true,
  editDeadLetter: true,
  dropDeadLetters: true,
  runs: ["backfill", "verify", "redrive"],
  doctor: true,
};

/** What the fake host says of itself. */
export const fakeAbout = (data: FakeData, changes: Partial<About> = {}): About => {
  const pipelines = fakePipelines(data);
  return {
    mode: "dev",
    title: "orders.ts",
    version: "0.1.0",
    pipelines,
    queues: fakeQueues(pipelines),
    engines,
    can: abilities,
    hidesKeys: false,
    ...changes,
  };
};

/** What a console of a deployment can do without a module. */
export const deploymentAbilities: Abilities = {
  changes: false,
  item: false,
  redrive: true,
  editDeadLetter: false,
  dropDeadLetters: false,
  runs: ["redrive"],
  doctor: true,
};

/** A key with this text comes from no page: a script in it must not run. */
export const scriptInKey = `<img src=x onerror="globalThis.ranFromKey=true">"'&amp;`;

const unusualTexts: readonly string[] = [
  scriptInKey,
  "\u202eevil\u202c مرحبا بالعالم שלום",
  "👩‍👩‍👧‍👦 family 🇱🇮",
  `two-kilobytes-${"x".repeat(2_000)}`,
  "new\nline\tand tab",
  "   spaces   ",
  "a,b;c&d=e?f#g%20/h",
  "__proto__",
];

const keyText = (number: number): string =>
  number % 25 === 7 ? `${unusualTexts[Math.floor(number / 25) % unusualTexts.length]}` : `o-${1_000 + number}`;

/** The key of an item. Each 25th is unusual if there is much. */
export const fakeKeys = (data: FakeData, pipeline: PipelineAbout, number: number): Image => {
  const [first = "id", second] = pipeline.keyNames;
  const text = data === "much" ? keyText(number) : `o-${1_000 + number}`;
  if (second === undefined) return { [first]: { S: text } };
  if (second === "sk")
    return { [first]: { N: `1234567890123456789012345678901234567${number % 10}` }, [second]: { S: text } };
  return { [first]: { S: `tenant-${number % 7}` }, [second]: { S: text } };
};
