// The factory: options in, a sink out. Nothing connects before the first write.

import {
  answersById,
  awsClientDefaults,
  awsRequestError,
  fifoDedupeMs,
  lazyClient,
  missingDependency,
  type Sink,
  withIds,
  writeInRequests,
} from "@sluice/core/sink-kit";
import { snsService } from "./classify.ts";
import { encode, type SnsEntry, type SnsMessage } from "./encode.ts";
import { checkOptions, type SnsClient, type SnsSinkOptions } from "./options.ts";

/** Messages of a request. @see {@link SnsClient} (read 2026-11-23) */
const maxEntries = 10;

const makeClient = async () => {
  const { SNS } = await import("@aws-sdk/client-sns").catch(missingDependency("sns", "@aws-sdk/client-sns"));
  return new SNS(awsClientDefaults);
};

/**
 * Makes a sink that publishes every change to an SNS topic, up to ten in a request. The function needs `sns:Publish`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name
 */
export const snsSink = (options: SnsSinkOptions): Sink<SnsMessage, "append"> => {
  const settings = checkOptions(options);
  const { name: sink, topicArn: TopicArn, isFifo, maxMessageBytes: maxBytes, concurrency } = settings;
  const client = lazyClient<SnsClient>(settings.client, makeClient);
  return {
    name: sink,
    supports: { writes: "append", maxEntries, concurrency, ...(isFifo && { dedupesForMs: fifoDedupeMs }) },
    ...writeInRequests<SnsMessage, SnsEntry>({
      sink,
      maxEntries,
      maxBytes,
      encode: (delivery) => encode(settings, delivery),
      send: async (entries, abortSignal) => {
        const connected = await client.get();
        const input = { TopicArn, PublishBatchRequestEntries: withIds(entries) };
        return answersById(sink, snsService, await connected.publishBatch(input, { abortSignal }));
      },
      classify: (error) => awsRequestError(sink, snsService, error),
    }),
    close: client.close,
  };
};
