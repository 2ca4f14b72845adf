// A queue on a real engine and a mapping of it, which notes what the function was invoked with.

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

/** What the function does with a batch. */
export type Script = (records: readonly SqsRecord[], context: LambdaContext) => unknown;

export interface QueueRig {
  readonly client: SQS;
  readonly queueUrl: string;
  readonly mapping: SqsEventSourceMapping;
  /** The events that the function was invoked with, in the order in which the invocations began. */
  readonly batches: readonly (readonly SqsRecord[])[];
  readonly problems: readonly unknown[];
  /** Sends messages one after the other; of a FIFO queue `<group>…` goes to the group of its first letter. */
  readonly send: (...bodies: readonly string[]) => Promise<void>;
  /** Starts, drains and stops. */
  readonly run: () => Promise<void>;
}

export interface QueueRigOptions extends Partial<SqsEventSourceMappingOptions> {
  readonly fifo?: boolean;
  /** Seconds. Default 30: no message comes again because the machine is slow. */
  readonly visibilityTimeout?: number;
}

/** A response that reports these records. */
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
