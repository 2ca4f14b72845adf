// The calls of `SQS` from `@aws-sdk/client-sqs` that are used, and requests of ten.

import { chunk, eachBounded } from "@sluice/core/sink-kit";

interface BatchAnswer {
  readonly Failed?: readonly { readonly Id?: string | undefined; readonly Code?: string | undefined }[] | undefined;
}

/** A client of SQS; the SDK's own fits. */
export interface QueueClient {
  readonly getQueueAttributes: (input: { QueueUrl: string; AttributeNames: ["All"] }) => Promise<{
    readonly Attributes?: Readonly<Record<string, string>> | undefined;
  }>;
  readonly receiveMessage: (input: {
    QueueUrl: string;
    MaxNumberOfMessages: number;
    WaitTimeSeconds: number;
    VisibilityTimeout: number;
  }) => Promise<{
    readonly Messages?:
      | readonly {
          readonly MessageId?: string | undefined;
          readonly Body?: string | undefined;
          readonly ReceiptHandle?: string | undefined;
        }[]
      | undefined;
  }>;
  readonly deleteMessageBatch: (input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string }[];
  }) => Promise<BatchAnswer>;
  readonly changeMessageVisibilityBatch: (input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
  }) => Promise<BatchAnswer>;
  readonly destroy?: () => void;
}

/** Entries of a batch request. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html (read 2026-11-25) */
const maxEntries = 10;

/** Requests at once: some 80 messages every 20 ms. */
export const requestsAtOnce = 8;

const unlimited = { maxEntries, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 };

/** The values that SQS did not say yes for. */
export interface Refusals<Value> {
  /** It said no. */
  readonly refused: readonly Value[];
  /** It said nothing: their requests failed. */
  readonly unanswered: readonly Value[];
  /** Why the first of those did. */
  readonly error: unknown;
}

/** Asks for values, ten a request. */
export const askInTens = async <Value>(
  values: readonly Value[],
  ask: (entries: readonly { readonly Id: string; readonly value: Value }[]) => Promise<BatchAnswer>,
): Promise<Refusals<Value>> => {
  const refused: Value[] = [];
  const unanswered: Value[] = [];
  let error: unknown;
  await eachBounded(chunk(values, unlimited), requestsAtOnce, async (part) => {
    try {
      const { Failed = [] } = await ask(part.map((value, index) => ({ Id: String(index), value })));
      for (const { Id } of Failed) refused.push(part[Number(Id)] as Value);
    } catch (caught) {
      error ??= caught;
      unanswered.push(...part);
    }
  });
  return { refused, unanswered, error };
};
