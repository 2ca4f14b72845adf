// The event source mappings of a pipeline, as the constructs set them up: from the stream, and from the retry queue.

import type { SQS } from "@aws-sdk/client-sqs";
import {
  type EventSourceMapping,
  eventSourceMapping,
  type LambdaContext,
  type SqsEventSourceMapping,
  sqsEventSourceMapping,
  streamsClient,
} from "@sluice/local";

/** What the mappings need. */
export interface MappingsOptions {
  readonly endpoint: string;
  readonly streamArn: string;
  readonly sqs: SQS;
  readonly retryUrls: readonly string[];
  /** The queue that gets batches that are too old. */
  readonly failedBatchesUrl: string;
  readonly functionName: string;
  readonly functionTimeoutMs: number;
  /** Delivers an event. May wait for a process as long as the third argument says. */
  readonly invoke: (event: unknown, context: LambdaContext, maxWaitMs: number) => Promise<unknown>;
  readonly onFunctionError: (error: unknown) => void;
  readonly onProblem: (error: unknown) => void;
}

/** The mappings of a pipeline. */
export interface Mappings {
  readonly start: () => Promise<void>;
  /** Resolves when the last invocation has ended. */
  readonly stop: () => Promise<void>;
}

/** Lambda's longest timeout. The supervisor has the pipeline's own, which begins when there is a process. */
const longestMs = 900_000;
/** The constructs' defaults: decision 0048. A second of delay would hide that the first change is there at once. */
const batchSize = 1_000;
const maximumRecordAgeInSeconds = 22 * 3_600;
const longestRetryDelayMs = 5_000;

/** Creates the mappings. They poll after `start`. */
export const createMappings = (options: MappingsOptions): Mappings => {
  const { sqs, functionName, functionTimeoutMs, failedBatchesUrl, invoke, onFunctionError, onProblem } = options;
  const common = {
    functionName,
    functionResponseTypes: ["ReportBatchItemFailures"],
    onFunctionError,
    onProblem,
  } as const;
  const stream: EventSourceMapping = eventSourceMapping({
    ...common,
    client: streamsClient(options.endpoint),
    streamArn: options.streamArn,
    startingPosition: "TRIM_HORIZON",
    batchSize,
    bisectBatchOnFunctionError: true,
    maximumRecordAgeInSeconds,
    functionTimeoutMs: longestMs,
    retryDelayMs: (retry) => Math.min(500 * 2 ** (retry - 1), longestRetryDelayMs),
    destinationConfig: {
      onFailure: {
        kind: "sqs",
        send: (batch) => sqs.sendMessage({ QueueUrl: failedBatchesUrl, MessageBody: JSON.stringify(batch) }),
      },
    },
    handler: (event, context) => invoke(event, context, longestMs - functionTimeoutMs - 1_000),
  });
  const retries = options.retryUrls.map(
    (queueUrl): SqsEventSourceMapping =>
      sqsEventSourceMapping({
        ...common,
        client: sqs,
        queueUrl,
        functionTimeoutMs: 2 * functionTimeoutMs,
        handler: (event, context) => invoke(event, context, functionTimeoutMs - 1_000),
      }),
  );
  const all = [stream, ...retries];
  return {
    start: async () => {
      for (const mapping of all) await mapping.start();
    },
    stop: async () => {
      await Promise.all(all.map((mapping) => mapping.stop()));
    },
  };
};
