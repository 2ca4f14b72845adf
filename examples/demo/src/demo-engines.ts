// The engines of the demo: DynamoDB, SQS, and the engines that the chosen replicas need.

import {
  type DynamodbEngine,
  type OpensearchEngine,
  type PostgresEngine,
  type SqsEngine,
  startEngines,
} from "@sluice/local";
import { checkGivenEngines } from "./given-engines.ts";
import type { SinkName } from "./options.ts";

/** The running engines. */
export interface DemoEngines {
  readonly dynamodb: DynamodbEngine;
  readonly sqs: SqsEngine;
  readonly postgres?: PostgresEngine;
  readonly opensearch?: OpensearchEngine;
  readonly stop: () => Promise<void>;
}

/** Starts the engines in parallel. @throws {EngineMissingError} if an engine is missing */
export const startDemoEngines = async (sinks: readonly SinkName[]): Promise<DemoEngines> => {
  const [postgres, opensearch] = [sinks.includes("postgres"), sinks.includes("opensearch")];
  await checkGivenEngines([
    "DYNAMODB_ENDPOINT",
    "AWS_ENDPOINT_URL_SQS",
    ...(postgres ? ["DATABASE_URL"] : []),
    ...(opensearch ? ["OPENSEARCH_URL"] : []),
  ]);
  return startEngines({
    dynamodb: true,
    sqs: true,
    ...(postgres && { postgres: true }),
    ...(opensearch && { opensearch: true }),
  } as const);
};
