// Options, their defaults and their validation at cold start. No code here connects to EventBridge.

import {
  type AwsBatchOptions,
  type AwsBatchSettings,
  checkAwsBatchOptions,
  checkOptionNames,
  checkText,
  invalidOption,
  type OptionNames,
} from "@sluice/core/sink-kit";
import type { EventDefaults, PutEventsEntry } from "./encode.ts";

/** The result of one entry. Only an accepted entry has an `EventId`. */
export interface PutEventsResult {
  readonly EventId?: string | undefined;
  readonly ErrorCode?: string | undefined;
  readonly ErrorMessage?: string | undefined;
}

/**
 * The only method of `EventBridge` from `@aws-sdk/client-eventbridge` that the sink calls.
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export interface EventBridgeClient {
  readonly putEvents: (
    input: { Entries: PutEventsEntry[] },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<{
    /** Results, in the order of the request's entries. */
    readonly Entries?: readonly PutEventsResult[] | undefined;
  }>;
}

/** Options of `eventbridgeSink`. */
export interface EventBridgeSinkOptions extends AwsBatchOptions<EventBridgeClient> {
  /** Source of events whose message has no `source`: `com.example.orders`. It must not begin with `aws.`. */
  readonly source: string;
  /** Name or ARN of the bus. Default: the account's default bus. */
  readonly eventBusName?: string;
}

/** Options after validation. */
export interface EventBridgeSinkSettings extends EventDefaults, AwsBatchSettings<EventBridgeClient> {}

/** @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html (read 2026-11-23) */
const busPattern = /^(arn:[\w-]+:events:[\w-]+:\d{12}:event-bus\/)?[\w./-]+$/;

const known: OptionNames<EventBridgeSinkOptions> = {
  source: true,
  eventBusName: true,
  client: true,
  concurrency: true,
  name: true,
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID, which names the option. */
export const checkOptions = (options: EventBridgeSinkOptions): EventBridgeSinkSettings => {
  checkOptionNames("eventbridgeSink", options, known);
  const { source, eventBusName } = options;
  checkText("source", source);
  if (source.startsWith("aws.")) throw invalidOption("source", "must not begin with aws., which AWS reserves");
  if (eventBusName !== undefined && !busPattern.test(eventBusName)) {
    throw invalidOption("eventBusName", "must be the name or the ARN of a bus");
  }
  const common = checkAwsBatchOptions(
    options,
    "eventbridge",
    "putEvents",
    "an EventBridge of @aws-sdk/client-eventbridge",
  );
  return Object.freeze({ ...common, source, eventBusName });
};
