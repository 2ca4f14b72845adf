// The factory: options in, a sink out. Nothing connects before the first write.

import {
  type AwsEntryFailure,
  awsClientDefaults,
  awsEntryError,
  awsRequestError,
  type EntryAnswer,
  lazyClient,
  missingDependency,
  type Sink,
  writeInRequests,
} from "@sluice/core/sink-kit";
import { eventbridgeService } from "./classify.ts";
import { type EventBridgeEntry, type EventBridgeMessage, encode } from "./encode.ts";
import { checkOptions, type EventBridgeClient, type EventBridgeSinkOptions } from "./options.ts";

/** Events of a request, and bytes of one event and of all events of a request: less than 1 MB. @see {@link EventBridgeClient} (read 2026-11-23) */
const maxEntries = 10;
const maxBytes = 1_048_575;

const makeClient = async () => {
  const { EventBridge } = await import("@aws-sdk/client-eventbridge").catch(
    missingDependency("eventbridge", "@aws-sdk/client-eventbridge"),
  );
  return new EventBridge(awsClientDefaults);
};

type Answered = NonNullable<Awaited<ReturnType<EventBridgeClient["putEvents"]>>["Entries"]>[number];

/** An HTTP 200 may hold failures. What has neither an id nor an error was not answered. */
const answerOf = (sink: string, { EventId, ErrorCode, ErrorMessage }: Answered): EntryAnswer => {
  const failure: AwsEntryFailure = { code: ErrorCode, message: ErrorMessage };
  if (ErrorCode !== undefined) return awsEntryError(sink, eventbridgeService, failure);
  return EventId === undefined ? undefined : "taken";
};

/**
 * Makes a sink that puts every change on an EventBridge bus, up to ten in a request. The function needs
 * `events:PutEvents`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name
 */
export const eventbridgeSink = (options: EventBridgeSinkOptions): Sink<EventBridgeMessage, "append"> => {
  const settings = checkOptions(options);
  const { name: sink, concurrency } = settings;
  const client = lazyClient<EventBridgeClient>(settings.client, makeClient);
  return {
    name: sink,
    supports: { writes: "append", maxEntries, concurrency },
    ...writeInRequests<EventBridgeMessage, EventBridgeEntry>({
      sink,
      maxEntries,
      maxBytes,
      encode: (delivery) => encode(settings, delivery),
      send: async (entries, abortSignal) => {
        const connected = await client.get();
        const { Entries = [] } = await connected.putEvents({ Entries: [...entries] }, { abortSignal });
        return Entries.map((entry) => answerOf(sink, entry));
      },
      classify: (error) => awsRequestError(sink, eventbridgeService, error),
    }),
    close: client.close,
  };
};
