// The factory, which turns options into a sink. The sink connects at its first write.

import {
  answersById,
  awsBatchSink,
  awsClientDefaults,
  missingDependency,
  type Sink,
  withIds,
} from "@sluice/core/sink-kit";
import { snsService } from "./classify.ts";
import { encode, type PublishEntry, type SnsMessage } from "./encode.ts";
import { checkOptions, type SnsClient, type SnsSinkOptions } from "./options.ts";
import { bodyOf, takenIds } from "./write/wire.ts";

const makeClient = async () => {
  const { SNS } = await import("@aws-sdk/client-sns").catch(missingDependency("snsSink", "@aws-sdk/client-sns"));
  return new SNS(awsClientDefaults);
};

/**
 * Creates a sink that publishes every change to an SNS topic, up to ten in a request. The function needs `sns:Publish`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong; the message names the option.
 */
export const snsSink = (options: SnsSinkOptions): Sink<SnsMessage, "append"> => {
  const settings = checkOptions(options);
  return awsBatchSink<SnsMessage, PublishEntry, SnsClient>({
    ...settings,
    service: snsService,
    resource: { service: "sns", address: settings.topicArn },
    makeClient,
    encode: (delivery) => encode(delivery, settings),
    wire: {
      body: (entries) => bodyOf(settings.topicArn, withIds(entries)),
      takenIds,
    },
    send: async (client, entries, request) => {
      const input = { TopicArn: settings.topicArn, PublishBatchRequestEntries: withIds(entries) };
      return answersById(settings.name, snsService, await client.publishBatch(input, request));
    },
  });
};
