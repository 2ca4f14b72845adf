// The factory, which turns options into a sink. The sink connects at its first write.

import {
  answersById,
  awsBatchSink,
  awsClientDefaults,
  missingDependency,
  type Sink,
  withIds,
} from "@sluice/core/sink-kit";
import { sqsService } from "./classify.ts";
import { encode, type SendMessageEntry, type SqsMessage } from "./encode.ts";
import { checkOptions, type SqsClient, type SqsSinkOptions } from "./options.ts";
import { bodyOf, takenIds } from "./write/wire.ts";

/** Maximum bytes of a message, and of all messages of a request. @see {@link SqsClient} (read 2026-11-23) */
const maxBytes = 1_048_576;

/**
 * MD5 checksums are off, which saves 6 µs per message. Requests need no checksum, because the signature covers them.
 * If an answer had a wrong checksum, core could only retry, so that the queue would get the message twice.
 */
const makeClient = async () => {
  const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency("sqsSink", "@aws-sdk/client-sqs"));
  return new SQS({ ...awsClientDefaults, md5: false });
};

/**
 * Creates a sink that sends every change to an SQS queue, up to ten in a request. The function needs `sqs:SendMessage`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong; the message names the option.
 */
export const sqsSink = (options: SqsSinkOptions): Sink<SqsMessage, "append"> => {
  const settings = checkOptions(options);
  return awsBatchSink<SqsMessage, SendMessageEntry, SqsClient>({
    ...settings,
    service: sqsService,
    resource: { service: "sqs", address: settings.queueUrl },
    maxBytes,
    makeClient,
    encode: (delivery) => encode(delivery, settings),
    wire: {
      body: (entries) => bodyOf(settings.queueUrl, withIds(entries)),
      takenIds,
    },
    send: async (client, entries, request) => {
      const input = { QueueUrl: settings.queueUrl, Entries: withIds(entries) };
      return answersById(settings.name, sqsService, await client.sendMessageBatch(input, request));
    },
  });
};
