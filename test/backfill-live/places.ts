// Creates the places of the replicas.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DynamodbEngine, OpensearchEngine, PostgresEngine, SqsEngine } from "@sluice/local";
import { createTable } from "../convergence/dynamodb-target.ts";
import { newIndex } from "../convergence/opensearch-target.ts";
import type { Places } from "./targets.ts";

export interface LiveEngines {
  readonly dynamodb: DynamodbEngine;
  readonly postgres: PostgresEngine;
  readonly opensearch: OpensearchEngine;
  readonly sqs: SqsEngine;
}

/** Creates two databases and a DynamoDB table, and chooses an index. */
export const openPlaces = async (engines: LiveEngines, name: string): Promise<Places> => {
  const { postgres, opensearch, dynamodb } = engines;
  const replica = `${name}-replica`;
  const client = new DynamoDBClient(dynamodb.clientConfig);
  const [rows, inline] = await Promise.all([postgres.createDatabase(), postgres.createDatabase()]);
  await createTable(client, replica);
  client.destroy();
  return { rows, inline, opensearch: opensearch.url, index: newIndex(), dynamodb: dynamodb.clientConfig, replica };
};
