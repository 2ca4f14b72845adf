// The engines of the demo: the source, the dead-letter queue, and what the replicas need.

import {
  type DynamodbEngine,
  type OpensearchEngine,
  type PostgresEngine,
  type SqsEngine,
  startEngines,
} from "@sluice/local";
import type { SinkName } from "./options.ts";

export interface DemoEngines {
  readonly dynamodb: DynamodbEngine;
  readonly sqs: SqsEngine;
  readonly postgres?: PostgresEngine;
  readonly opensearch?: OpensearchEngine;
  readonly stop: () => Promise<void>;
}

/** Starts them side by side. @throws {EngineMissingError} when one of them cannot be had. */
export const startDemoEngines = (sinks: readonly SinkName[]): Promise<DemoEngines> =>
  startEngines({
    dynamodb: true,
    sqs: true,
    ...(sinks.includes("postgres") && { postgres: true }),
    ...(sinks.includes("opensearch") && { opensearch: true }),
  } as const);
