// Options, their defaults and their validation at cold start. No code here connects to SNS.

import {
  type AwsBatchOptions,
  type AwsBatchSettings,
  checkAwsBatchOptions,
  checkOptionNames,
  checkWhole,
  type IdAnswer,
  invalidOption,
  type OptionNames,
} from "@sluice/core/sink-kit";
import type { PublishEntry } from "./encode.ts";

/** The only method of `SNS` that the sink calls. @see https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
export interface SnsClient {
  readonly publishBatch: (
    input: { TopicArn: string; PublishBatchRequestEntries: (PublishEntry & { readonly Id: string })[] },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<IdAnswer>;
}

/** Options of `snsSink`. */
export interface SnsSinkOptions extends AwsBatchOptions<SnsClient> {
  /** ARN of the topic. For a `.fifo` topic, changes of an item keep their order, and SNS discards repeated messages. */
  readonly topicArn: string;
  /**
   * Maximum bytes of a message, and of all messages of a request. Default 262,144. Up to 1,048,576 are possible if the
   * topic's `MaximumMessageSize` is set.
   * @see https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html (read 2026-11-23)
   */
  readonly maxMessageBytes?: number;
}

/** Options after validation. */
export interface SnsSinkSettings extends AwsBatchSettings<SnsClient> {
  readonly topicArn: string;
  readonly isFifo: boolean;
  readonly maxBytes: number;
}

/** @see https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html (read 2026-11-23) */
const topicArnPattern = /^arn:[\w-]+:sns:[\w-]+:\d+:[\w-]{1,256}(\.fifo)?$/;

const known: OptionNames<SnsSinkOptions> = {
  topicArn: true,
  maxMessageBytes: true,
  client: true,
  concurrency: true,
  name: true,
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID, which names the option. */
export const checkOptions = (options: SnsSinkOptions): SnsSinkSettings => {
  checkOptionNames("snsSink", options, known);
  const { topicArn, maxMessageBytes: maxBytes = 262_144 } = options;
  if (typeof topicArn !== "string" || !topicArnPattern.test(topicArn)) {
    throw invalidOption("topicArn", "must be a topic's ARN");
  }
  checkWhole("maxMessageBytes", maxBytes, [1_024, 1_048_576]);
  const common = checkAwsBatchOptions(options, "sns", "publishBatch", "an SNS of @aws-sdk/client-sns");
  return Object.freeze({ ...common, topicArn, isFifo: topicArn.endsWith(".fifo"), maxBytes });
};
