// Measures the time from an event until the items are stored in DynamoDB. Compares the pipeline's handler with the raw
// limit. The handler guards each item against older versions. The raw limit puts prebuilt inputs without a guard, with
// the same concurrency.

import { isDeepStrictEqual } from "node:util";
import {
  type AttributeValue,
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
  paginateScan,
} from "@aws-sdk/client-dynamodb";
import { pipeline } from "@sluice/core";
import { eachBounded } from "@sluice/core/sink-kit";
import { type DynamodbEngine, startDynamodb } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import type { StreamEvent } from "@sluice/testing";
import { filmsUpTo, insertEvents, keyAttribute, texts } from "../films.ts";
import { table } from "../markdown.ts";
import { silent, takeAll } from "../pipeline-handler.ts";
import { type Contender, compete, type Times } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Suite, SuiteOptions, SuiteReport } from "../suite.ts";

type TableItem = Record<string, AttributeValue>;

const concurrency = 32;
const names = ["sluice", "raw"] as const;
const tableOf = (contender: string): string => `SluiceBench-${contender}`;

const dropTable = async (client: DynamoDBClient, name: string): Promise<void> => {
  try {
    await client.send(new DeleteTableCommand({ TableName: name }));
  } catch (error) {
    if (!(error instanceof Error && error.name === "ResourceNotFoundException")) throw error;
  }
};

const recreateTable = async (client: DynamoDBClient, name: string): Promise<void> => {
  await dropTable(client, name);
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: keyAttribute, KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: keyAttribute, AttributeType: "N" }],
    }),
  );
};

const sluice = (client: DynamoDBClient, events: readonly string[]): Contender<"insert"> => {
  const sink = dynamodbSink({ client, table: tableOf("sluice"), concurrency });
  const handler = pipeline("films", { onReject: "block", logger: silent }).to(sink).handler();
  return {
    name: "sluice",
    reset: () => recreateTable(client, tableOf("sluice")),
    prepare: (_, batch) => {
      const event: unknown = JSON.parse(events[batch] ?? "");
      return () => takeAll("sluice", handler, event);
    },
  };
};

const raw = (client: DynamoDBClient, events: readonly string[]): Contender<"insert"> => ({
  name: "raw",
  reset: () => recreateTable(client, tableOf("raw")),
  prepare: (_, batch) => {
    const { Records } = JSON.parse(events[batch] ?? "") as StreamEvent;
    const inputs = Records.map(
      ({ dynamodb }): PutItemCommandInput => ({
        TableName: tableOf("raw"),
        Item: dynamodb?.NewImage as unknown as TableItem,
      }),
    );
    return async () => {
      await eachBounded(inputs, concurrency, (input) => client.send(new PutItemCommand(input)));
    };
  },
});

/** Returns all items in the order of their keys, without the attribute that the sink adds. */
const contentOf = async (client: DynamoDBClient, name: string): Promise<TableItem[]> => {
  const items: TableItem[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: name })) {
    items.push(...Items.map(({ _sluice, ...item }) => item));
  }
  const keyOf = (item: TableItem): number => Number(item[keyAttribute]?.N);
  return items.sort((left, right) => keyOf(left) - keyOf(right));
};

/** @throws if the contenders left different items, because a comparison needs equal work */
const assertSameContent = async (client: DynamoDBClient, expected: number): Promise<void> => {
  const [ours = [], theirs = []] = [
    await contentOf(client, tableOf("sluice")),
    await contentOf(client, tableOf("raw")),
  ];
  if (ours.length !== expected || !isDeepStrictEqual(ours, theirs)) {
    throw new Error(`the contenders left different items: ${ours.length} and ${theirs.length}; expected ${expected}`);
  }
};

const reportOf = (times: Times<"insert">, { rounds, batchSize, batches }: SuiteOptions): SuiteReport => {
  const perSecond = (contender: string): number =>
    Math.round((1000 * batchSize * batches) / times.median(contender, "insert"));
  return {
    figures: {
      "dynamodb/insert/vs-raw": rounded(times.median("raw", "insert") / times.median("sluice", "insert")),
      "dynamodb/insert/records-per-second": perSecond("sluice"),
    },
    goals: { "dynamodb/insert/vs-raw": { atLeast: 0.85 } },
    lines: [
      `${rounds} rounds of ${batches} batches of ${batchSize} inserts, ${concurrency} requests in flight; DynamoDB Local`,
      "",
      ...table(
        ["", "records/s", "rounds"],
        names.map((name) => [name, perSecond(name), spread(times.of(name, "insert"))]),
      ),
    ],
  };
};

const measure = async ({ clientConfig }: DynamodbEngine, options: SuiteOptions): Promise<SuiteReport> => {
  const client = new DynamoDBClient({ ...clientConfig, maxAttempts: 1 });
  try {
    const records = options.batchSize * options.batches;
    const events = texts(insertEvents(await filmsUpTo(records), options.batchSize));
    const contenders = [sluice(client, events), raw(client, events)];
    const times = await compete(contenders, { ...options, mixes: ["insert"], warmups: 3 });
    await assertSameContent(client, records);
    for (const name of names) await dropTable(client, tableOf(name));
    return reportOf(times, options);
  } finally {
    client.destroy();
  }
};

/** The suite that compares the pipeline's writes to DynamoDB with unguarded puts. */
export const dynamodbSuite: Suite = {
  name: "dynamodb",
  run: async (options) => {
    const engine = await startDynamodb({ maxHeapMb: 512 });
    try {
      return await measure(engine, options);
    } finally {
      await engine.stop();
    }
  },
};
