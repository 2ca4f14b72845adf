// Options, what they default to, and what is refused at cold start. Nothing here connects.

import { checkClient, checkText, checkWhole, type IdAnswer, invalidOption } from "@sluice/core/sink-kit";
import type { SqsEntry } from "./encode.ts";

/**
 * The one call of `SQS` from `@aws-sdk/client-sqs` that is used: your own client fits.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export interface SqsClient {
  readonly sendMessageBatch: (
    input: { QueueUrl: string; Entries: (SqsEntry & { readonly Id: string })[] },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<IdAnswer>;
}

/** Options of `sqs`. */
export interface SqsSinkOptions {
  /** URL of the queue. One that ends in `.fifo` is a FIFO queue: items keep their order, repeats are discarded. */
  readonly queueUrl: string;
  /**
   * Your own `SQS`. Default: one that the sink makes at the first change, which leaves retries to core and computes no
   * MD5 sums.
   */
  readonly client?: SqsClient;
  /** Requests in flight at once, at most. Default 8. */
  readonly concurrency?: number;
  /** For logs, metrics and dead letters. Default `sqs`. */
  readonly name?: string;
}

/** Options after validation. */
export interface Settings {
  readonly name: string;
  readonly queueUrl: string;
  readonly isFifo: boolean;
  readonly client: SqsClient | undefined;
  readonly concurrency: number;
}

/**
 * Checks the options and fills in defaults.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 */
export const checkOptions = ({ queueUrl, client, concurrency = 8, name = "sqs" }: SqsSinkOptions): Settings => {
  if (typeof queueUrl !== "string" || !URL.canParse(queueUrl)) throw invalidOption("queueUrl", "must be a queue's URL");
  checkClient(client, "sendMessageBatch", "an SQS of @aws-sdk/client-sqs");
  checkWhole("concurrency", concurrency, [1, 100]);
  checkText("name", name);
  return Object.freeze({ name, queueUrl, isFifo: queueUrl.endsWith(".fifo"), client, concurrency });
};
