// The two event sources of a function that has a retry queue: the stream and the retry queue.

import type { SQS } from "@aws-sdk/client-sqs";
import type { StreamRecord } from "@sluice/core/envelope";
import {
  type EventSourceMapping,
  type EventSourceMappingOptions,
  eventSourceMapping,
  type SqsEventSourceMapping,
  type SqsEventSourceMappingOptions,
  sqsEventSourceMapping,
} from "@sluice/local";
import { twoShards } from "./stream.ts";

export interface EventSourcesOptions {
  readonly handler: EventSourceMappingOptions["handler"] & SqsEventSourceMappingOptions["handler"];
  readonly sqs: SQS;
  readonly retryUrl: string;
  readonly functionTimeoutMs?: number;
  /** Settings of the event source mapping for the stream. */
  readonly ofStream?: Pick<
    EventSourceMappingOptions,
    "batchSize" | "parallelizationFactor" | "pollIntervalMs" | "retryDelayMs"
  >;
  /** Settings of the event source mapping for the retry queue. */
  readonly ofQueue?: Pick<SqsEventSourceMappingOptions, "maximumConcurrency" | "pollIntervalMs">;
}

export interface EventSources {
  /** Appends records to the stream. At first the stream is empty. */
  readonly append: (records: readonly StreamRecord[]) => void;
  readonly mapping: EventSourceMapping;
  readonly retries: SqsEventSourceMapping;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export const eventSources = (options: EventSourcesOptions): EventSources => {
  const { handler, sqs, retryUrl, functionTimeoutMs, ofStream, ofQueue } = options;
  const { stream, append } = twoShards();
  const shared = {
    functionResponseTypes: ["ReportBatchItemFailures"],
    ...(functionTimeoutMs !== undefined && { functionTimeoutMs }),
  } as const;
  // The crashes are intended, so their errors are not printed.
  const ignored = (): undefined => undefined;
  const mapping = eventSourceMapping({
    client: stream.client,
    streamArn: stream.streamArn,
    handler,
    startingPosition: "TRIM_HORIZON",
    pollIntervalMs: 10,
    onFunctionError: ignored,
    ...shared,
    ...ofStream,
  });
  const retries = sqsEventSourceMapping({
    client: sqs,
    queueUrl: retryUrl,
    handler,
    onFunctionError: ignored,
    ...shared,
    ...ofQueue,
  });
  return {
    append,
    mapping,
    retries,
    start: async () => {
      await mapping.start();
      await retries.start();
    },
    stop: async () => {
      await mapping.stop();
      await retries.stop();
    },
  };
};
