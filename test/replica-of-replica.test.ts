// A pipeline replicates a table that a DynamoDB sink of another pipeline writes. Tombstones are not items for it.

import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type PipelineHandler, pipeline } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { engineOrSkip, eventSourceMapping, startDynamodb, streamsClient } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import {
  lambdaContext,
  memoryAppendSink,
  memoryUpsertSink,
  randomHistory,
  type SpecimenItem,
  streamEvent,
} from "@sluice/testing";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const options = { onReject: "block", logger: { info: () => {}, warn: () => {} } } as const;

const seed = Number(process.env.CONVERGENCE_SEED ?? Date.now() % 1_000_000_000);

describeWithDynamodb("a replica of a replica", (dynamodb) => {
  const client = new DynamoDBClient(dynamodb.clientConfig);
  afterAll(() => client.destroy());

  const createTable = async (TableName: string, StreamViewType: "NEW_IMAGE" | "NEW_AND_OLD_IMAGES") => {
    const { TableDescription } = await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
        ],
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        StreamSpecification: { StreamEnabled: true, StreamViewType },
      }),
    );
    return TableDescription?.LatestStreamArn ?? "";
  };

  const readStream = async (streamArn: string, handler: PipelineHandler): Promise<void> => {
    const mapping = eventSourceMapping({
      client: streamsClient(dynamodb.endpoint),
      streamArn,
      handler: async (event) => handler(event, lambdaContext()),
      startingPosition: "TRIM_HORIZON",
      functionResponseTypes: ["ReportBatchItemFailures"],
      pollIntervalMs: 20,
      retryDelayMs: () => 5,
    });
    await mapping.start();
    await mapping.drained();
    await mapping.stop();
  };

  test.each(["NEW_IMAGE", "NEW_AND_OLD_IMAGES"] as const)(
    `holds the last state of every item, %s (seed ${seed})`,
    async (viewType) => {
      const table = `replica-${viewType}`;
      const streamArn = await createTable(table, viewType);
      const { records, expected } = randomHistory(seed, { prefix: viewType, changes: 120 });
      const first = pipeline<SpecimenItem>("first", options).to(dynamodbSink({ client, table })).handler();
      // Two deliveries of one history: the second changes nothing, except for tombstones.
      for (const record of [...records, ...records]) await first(streamEvent([record]), lambdaContext());

      const copy = memoryUpsertSink<unknown>({ name: "copy" });
      const log = memoryAppendSink<readonly [string, readonly string[]]>({ name: "log" });
      const images: StreamRecord["dynamodb"][] = [];
      const second = pipeline<SpecimenItem>("second", { ...options, source: table })
        .to(copy, ({ after, record }) => {
          images.push(record.dynamodb);
          return after;
        })
        .to(log, ({ kind, after }) => [kind, Object.keys(after ?? {})] as const, { dedupe: "none" })
        .handler();
      await readStream(streamArn, second);

      expect([...copy.items().keys()].sort()).toEqual([...expected.keys()].sort());
      expect(JSON.stringify(images)).not.toContain("_sluice");
      const removals = records.filter(({ eventName }) => eventName === "REMOVE").length;
      expect(log.sent().filter(({ message: [kind] }) => kind === "remove")).toHaveLength(removals);
      const inserts = records.filter(({ eventName }) => eventName === "INSERT").length;
      const inserted = log.sent().filter(({ message: [kind] }) => kind === "insert").length;
      if (viewType === "NEW_AND_OLD_IMAGES") expect(inserted).toBe(inserts);
      expect(JSON.stringify(log.sent())).not.toContain("_sluice");
    },
  );
});
