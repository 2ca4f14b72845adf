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
import { sqsService } from "./classify.ts";
import { encode, type SqsEntry, type SqsMessage } from "./encode.ts";
import { checkOptions, type SqsClient, type SqsSinkOptions } from "./options.ts";

/** Messages of a request, and bytes of one message and of all messages of a request. @see {@link SqsClient} (read 2026-11-23) */
const maxEntries = 10;
const maxBytes = 1_048_576;

/**
 * Without MD5 sums of what was sent, 6 µs a message: the signature covers the whole request, and a sum that is wrong
 * afterwards would only send the message twice.
 */
const makeClient = async () => {
  const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency("sqs", "@aws-sdk/client-sqs"));
  return new SQS({ ...awsClientDefaults, md5: false });
};

/**
 * Makes a sink that sends every change to an SQS queue, up to ten in a request. The function needs `sqs:SendMessage`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name
 */
export const sqsSink = (options: SqsSinkOptions): Sink<SqsMessage, "append"> => {
  const settings = checkOptions(options);
  const { name: sink, queueUrl: QueueUrl, isFifo, concurrency } = settings;
  const client = lazyClient<SqsClient>(settings.client, makeClient);
  return {
    name: sink,
    supports: { writes: "append", maxEntries, concurrency, ...(isFifo && { dedupesForMs: fifoDedupeMs }) },
    ...writeInRequests<SqsMessage, SqsEntry>({
      sink,
      maxEntries,
      maxBytes,
      encode: (delivery) => encode(settings, delivery),
      send: async (entries, abortSignal) => {
        const connected = await client.get();
        const input = { QueueUrl, Entries: withIds(entries) };
        return answersById(sink, sqsService, await connected.sendMessageBatch(input, { abortSignal }));
      },
      classify: (error) => awsRequestError(sink, sqsService, error),
    }),
    close: client.close,
  };
};
