// Options, what they default to, and what is refused at cold start. Nothing here connects.

import { checkClient, checkText, checkWhole, type IdAnswer, invalidOption } from "@sluice/core/sink-kit";
import type { SnsEntry } from "./encode.ts";

/**
 * The one call of `SNS` from `@aws-sdk/client-sns` that is used: your own client fits.
 * @see https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
 */
export interface SnsClient {
  readonly publishBatch: (
    input: { TopicArn: string; PublishBatchRequestEntries: (SnsEntry & { readonly Id: string })[] },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<IdAnswer>;
}

/** Options of `sns`. */
export interface SnsSinkOptions {
  /** ARN of the topic. One that ends in `.fifo` is a FIFO topic: items keep their order, repeats are discarded. */
  readonly topicArn: string;
  /** Your own `SNS`. Default: one that the sink makes at the first change, which leaves retries to core. */
  readonly client?: SnsClient;
  /**
   * Most bytes of a message, and of all messages of a request. Default 262,144; a topic whose `MaximumMessageSize` is
   * set takes up to 1,048,576.
   */
  readonly maxMessageBytes?: number;
  /** Requests in flight at once, at most. Default 8. */
  readonly concurrency?: number;
  /** For logs, metrics and dead letters. Default `sns`. */
  readonly name?: string;
}

/** Options after validation. */
export interface Settings {
  readonly name: string;
  readonly topicArn: string;
  readonly isFifo: boolean;
  readonly client: SnsClient | undefined;
  readonly maxMessageBytes: number;
  readonly concurrency: number;
}

/** Bounds of a topic's `MaximumMessageSize`. @see https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html (read 2026-11-23) */
const messageSizes = [1_024, 1_048_576] as const;
const defaultMessageBytes = 262_144;

/** @see https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html (read 2026-11-23) */
const topic = /^arn:[\w-]+:sns:[\w-]+:\d+:[\w-]{1,256}(\.fifo)?$/;

/**
 * Checks the options and fills in defaults.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 */
export const checkOptions = (options: SnsSinkOptions): Settings => {
  const { topicArn, client, maxMessageBytes = defaultMessageBytes, concurrency = 8, name = "sns" } = options;
  if (typeof topicArn !== "string" || !topic.test(topicArn)) throw invalidOption("topicArn", "must be a topic's ARN");
  checkClient(client, "publishBatch", "an SNS of @aws-sdk/client-sns");
  checkWhole("maxMessageBytes", maxMessageBytes, messageSizes);
  checkWhole("concurrency", concurrency, [1, 100]);
  checkText("name", name);
  return Object.freeze({ name, topicArn, isFifo: topicArn.endsWith(".fifo"), client, maxMessageBytes, concurrency });
};
