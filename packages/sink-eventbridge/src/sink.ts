// The factory, which turns options into a sink. The sink connects at its first write.

import {
  awsBatchSink,
  awsClientDefaults,
  awsEntryError,
  type EntryAnswer,
  missingDependency,
  type Sink,
} from "@sluice/core/sink-kit";
import { eventbridgeService } from "./classify.ts";
import { type EventBridgeMessage, encode, type PutEventsEntry } from "./encode.ts";
import { checkOptions, type EventBridgeClient, type EventBridgeSinkOptions, type PutEventsResult } from "./options.ts";

/** Maximum bytes of an event, and of a request's events. @see {@link EventBridgeClient} (read 2026-11-23) */
const maxBytes = 1_048_575;

const makeClient = async () => {
  const { EventBridge } = await import("@aws-sdk/client-eventbridge").catch(
    missingDependency("eventbridgeSink", "@aws-sdk/client-eventbridge"),
  );
  return new EventBridge(awsClientDefaults);
};

/** Returns EventBridge's answer to an entry. Undefined if the answer has neither an event id nor an error. */
const answerOf = (sink: string, { EventId, ErrorCode, ErrorMessage }: PutEventsResult): EntryAnswer => {
  if (ErrorCode === undefined) return EventId === undefined ? undefined : "taken";
  return awsEntryError(sink, eventbridgeService, { code: ErrorCode, message: ErrorMessage });
};

/**
 * Creates a sink that puts every change on an EventBridge bus, up to ten changes in a request. The function needs the
 * permission `events:PutEvents`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong; the message names the option.
 */
export const eventbridgeSink = (options: EventBridgeSinkOptions): Sink<EventBridgeMessage, "append"> => {
  const settings = checkOptions(options);
  return awsBatchSink<EventBridgeMessage, PutEventsEntry, EventBridgeClient>({
    ...settings,
    service: eventbridgeService,
    resource: { service: "events", address: settings.eventBusName ?? "default" },
    maxBytes,
    makeClient,
    encode: (delivery) => encode(delivery, settings),
    send: async (client, entries, request) => {
      const { Entries = [] } = await client.putEvents({ Entries: [...entries] }, request);
      return Entries.map((entry) => answerOf(settings.name, entry));
    },
  });
};
