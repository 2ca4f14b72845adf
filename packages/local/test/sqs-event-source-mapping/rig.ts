// A queue on a real engine, its event source mapping, and a function that keeps the events that it gets.

import { randomUUID } from "node:crypto";
import { SQS } from "@aws-sdk/client-sqs";
import {
  type LambdaContext,
  type SqsEngine,
  type SqsEventSourceMapping,
  type SqsEventSourceMappingOptions,
  type SqsRecord,
  sqsEventSourceMapping,
} from "../../src/index.ts";

/** Returns the function's response, or throws. */
export type Script = (records: readonly SqsRecord[], context: LambdaContext) => unknown;

/** A mapping with the parts that a test controls or reads. */
export interface QueueRig {
  readonly client: SQS;
  readonly queueUrl: string;
  readonly mapping: SqsEventSourceMapping;
  /** The events that the function was invoked with, in the order in which the invocations began. */
  readonly batches: readonly (readonly SqsRecord[])[];
  readonly problems: readonly unknown[];
  /** Sends messages one after the other. On a FIFO queue, the first letter of the body is the group id. */
  readonly send: (...bodies: readonly string[]) => Promise<void>;
  /** Starts the mapping, waits until it is drained, and stops it. */
  readonly run: () => Promise<void>;
}

/** Options of the mapping and its queue. */
export interface QueueRigOptions extends Partial<SqsEventSourceMappingOptions> {
  readonly fifo?: boolean;
  /** In seconds. The default of 30 is long enough that a slow machine causes no redelivery. */
  readonly visibilityTimeout?: number;
}

/** A response that reports these messages as failed. */
export const failing = (...records: readonly SqsRecord[]): unknown => ({
  batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })),
});

export const bodiesOf = (records: readonly SqsRecord[]): string[] => records.map(({ body }) => body);

export const openQueueRig = async (
  engine: SqsEngine,
  script: Script = () => undefined,
  { fifo = false, visibilityTimeout = 30, ...options }: QueueRigOptions = {},
): Promise<QueueRig> => {
  const client = new SQS({ ...engine.clientConfig, maxAttempts: 1 });
  const { QueueUrl: queueUrl = "" } = await client.createQueue({
    QueueName: `${randomUUID()}${fifo ? ".fifo" : ""}`,
    Attributes: { VisibilityTimeout: String(visibilityTimeout), ...(fifo && { FifoQueue: "true" }) },
  });
  const batches: SqsRecord[][] = [];
  const problems: unknown[] = [];
  const mapping = sqsEventSourceMapping({
    client,
    queueUrl,
    functionResponseTypes: ["ReportBatchItemFailures"],
    functionTimeoutMs: visibilityTimeout * 1000,
    pollIntervalMs: 10,
    handler: async ({ Records }, context) => {
      batches.push(Records);
      return script(Records, context);
    },
    onProblem: (problem) => problems.push(problem),
    onFunctionError: () => undefined,
    ...options,
  });
  return {
    client,
    queueUrl,
    mapping,
    batches,
    problems,
    send: async (...bodies) => {
      for (const MessageBody of bodies) {
        const ids = { MessageGroupId: MessageBody.slice(0, 1), MessageDeduplicationId: MessageBody };
        await client.sendMessage({ QueueUrl: queueUrl, MessageBody, ...(fifo && ids) });
      }
    },
    run: async () => {
      await mapping.start();
      await mapping.drained();
      await mapping.stop();
    },
  };
};
