// Replicates to a second DynamoDB table. The key attributes of the two tables have different names.

import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import type { DynamodbEngine } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { columns, type FilmRow } from "../comparison.ts";
import type { FilmItem } from "../films-data.ts";
import type { Replica } from "./replica.ts";

const table = `SluiceDemoCopies${Date.now()}`;

const rowOf = (item: Partial<FilmItem>): FilmRow =>
  Object.fromEntries(
    Object.entries(columns).map(([column, attribute]) => {
      const value = item[attribute];
      return [column, value?.S ?? value?.N ?? null];
    }),
  );

/** Opens the replica in the same DynamoDB as the source table. */
export const dynamodbReplica = async ({ clientConfig, endpoint }: DynamodbEngine): Promise<Replica> => {
  const client = new DynamoDBClient(clientConfig);
  const sink = dynamodbSink({ client, table, key: { copyId: "filmId" } });
  await sink.ensure({ create: { partitionKey: { name: "copyId", type: "N" } } });
  return {
    name: sink.name,
    addTo: (pipeline) => pipeline.to(sink),
    read: async () => {
      const rows = new Map<string, FilmRow>();
      const query = { TableName: table, ConsistentRead: true, ...sink.liveFilter };
      for await (const { Items = [] } of paginateScan({ client }, query)) {
        for (const item of Items) rows.set(item.copyId?.N ?? "", rowOf(item));
      }
      return rows;
    },
    query: `aws dynamodb scan --table-name ${table} --max-items 5 --endpoint-url ${endpoint}`,
    close: async () => client.destroy(),
  };
};
