// Counts the reads and writes of 1,000 changes on DynamoDB Local, for each `dedupe` mode. Compares the counts with
// docs/costs.md.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { type AppendDelivery, type Dedupe, delivered, failed, type Sink, SinkError } from "@sluice/core/sink-kit";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { streamEvent, tableHistory } from "@sluice/testing";
import { root } from "./markdown.ts";

const changes = 1_000;
const batchSize = 100;

interface Cost {
  queries: number;
  writes: number;
}

/** Returns how many items a request writes. Writes whose condition fails count, because they cost the same. */
const itemsIn = (command: string, input: unknown): number => {
  if (command !== "BatchWriteItemCommand") return 1;
  const { RequestItems } = input as { readonly RequestItems: Record<string, readonly unknown[]> };
  return Object.values(RequestItems).reduce((sum, requests) => sum + requests.length, 0);
};

/** Counts the queries of a client, and the items that the client writes. */
const counted = (client: DynamoDBClient): Cost => {
  const cost: Cost = { queries: 0, writes: 0 };
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      (request) => {
        if (commandName === "QueryCommand") cost.queries += 1;
        else cost.writes += itemsIn(commandName, request.input);
        return next(request);
      },
    { step: "initialize" },
  );
  return cost;
};

/** A sink with ten entries per request. If `isFailing`, the sink denies the fifth entry of every tenth request. A retry of this entry succeeds. */
const sinkOf = (isFailing: boolean, isNative: boolean): Sink<unknown, "append"> => {
  const denied = new Set<string>();
  let requests = 0;
  const settle = (delivery: AppendDelivery<unknown>, index: number) => {
    if (!isFailing || requests % 10 !== 5 || index !== 4 || denied.has(delivery.idempotencyKey)) {
      return delivered(delivery);
    }
    denied.add(delivery.idempotencyKey);
    return failed(delivery, new SinkError("SINK_DENIED", "[sent] denied"));
  };
  return {
    name: "sent",
    supports: { writes: "append", maxEntries: 10, ...(isNative && { dedupesForMs: 300_000 }) },
    write: async (batch) => {
      if (batch.length === 10) requests += 1;
      return batch.map(settle);
    },
  };
};

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const documented = (): string[][] => {
  const page = readFileSync(join(root, "docs/costs.md"), "utf8");
  return [...page.matchAll(/^\| `"(native|on-failure|always|none)"` \|(.*)\|$/gm)].map(([, mode = "", cells = ""]) => [
    mode,
    ...cells.split("|").map((cell) => cell.trim()),
  ]);
};

const formatted = ({ queries, writes }: Cost): string[] => [queries.toLocaleString("en"), writes.toLocaleString("en")];

describeWithDynamodb("reads and writes for 1,000 changes in batches of 100", ({ clientConfig }) => {
  const measure = async (dedupe: Dedupe, isFailing: boolean): Promise<Cost> => {
    const tableName = `cost-${dedupe}-${isFailing ? "failing" : "calm"}`;
    const setup = new DynamoDBClient(clientConfig);
    await dynamodbDedupe({ tableName, client: setup }).ensure();
    const client = new DynamoDBClient(clientConfig);
    const cost = counted(client);
    const logger = { info: () => undefined, warn: () => undefined };
    const handler = pipeline("cost", {
      onReject: "block",
      logger,
      dedupeStore: dynamodbDedupe({ tableName, client }),
    })
      .to(sinkOf(isFailing, dedupe === "native"), () => 1, { dedupe })
      .handler();
    const table = tableHistory({ keyNames: ["item"] });
    const records = Array.from({ length: changes }, (_, item) => table.put({ item: String(item) }));
    for (let start = 0; start < changes; start += batchSize) {
      let batch = records.slice(start, start + batchSize);
      while (batch.length > 0) {
        const { batchItemFailures } = await handler(streamEvent(batch));
        const [first] = batchItemFailures;
        const from = batch.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === first?.itemIdentifier);
        batch = from < 0 ? [] : batch.slice(from);
      }
    }
    client.destroy();
    setup.destroy();
    return cost;
  };

  test.each<Dedupe>(["native", "on-failure", "always", "none"])("%s costs as much as the page says", async (dedupe) => {
    const [calm, failing] = [await measure(dedupe, false), await measure(dedupe, true)];
    const row = documented().find(([mode]) => mode === dedupe);
    expect(row?.slice(1, 5)).toEqual([...formatted(calm), ...formatted(failing)]);
  });
});
