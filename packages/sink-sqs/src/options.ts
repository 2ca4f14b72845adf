// Options, their defaults and their validation at cold start. No code here connects to SQS.

import {
  type AwsBatchOptions,
  type AwsBatchSettings,
  checkAwsBatchOptions,
  checkOptionNames,
  type IdAnswer,
  invalidOption,
  type OptionNames,
} from "@sluice/core/sink-kit";
import type { SendMessageEntry } from "./encode.ts";

/**
 * The only method of `SQS` from `@aws-sdk/client-sqs` that the sink calls. The client that the sink creates computes no
 * MD5 checksums.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export interface SqsClient {
  readonly sendMessageBatch: (
    input: { QueueUrl: string; Entries: (SendMessageEntry & { readonly Id: string })[] },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<IdAnswer>;
}

/** Options of `sqsSink`. */
export interface SqsSinkOptions extends AwsBatchOptions<SqsClient> {
  /** URL of the queue. For a `.fifo` queue, changes of an item keep their order, and SQS discards repeated messages. */
  readonly queueUrl: string;
}

/** Options after validation. */
export interface SqsSinkSettings extends AwsBatchSettings<SqsClient> {
  readonly queueUrl: string;
  readonly isFifo: boolean;
}

const known: OptionNames<SqsSinkOptions> = {
  queueUrl: true,
  client: true,
  concurrency: true,
  name: true,
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID, which names the option. */
export const checkOptions = (options: SqsSinkOptions): SqsSinkSettings => {
  checkOptionNames("sqsSink", options, known);
  const { queueUrl } = options;
  if (typeof queueUrl !== "string" || !URL.canParse(queueUrl)) throw invalidOption("queueUrl", "must be a queue's URL");
  const common = checkAwsBatchOptions(options, "sqs", "sendMessageBatch", "an SQS of @aws-sdk/client-sqs");
  return Object.freeze({ ...common, queueUrl, isFifo: queueUrl.endsWith(".fifo") });
};
