// Options, what they default to, and what is refused at cold start. Nothing here connects.

import { checkClient, checkText, checkWhole, invalidOption } from "@sluice/core/sink-kit";
import type { EventBridgeEntry } from "./encode.ts";

/**
 * The one call of `EventBridge` from `@aws-sdk/client-eventbridge` that is used: your own client fits.
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export interface EventBridgeClient {
  readonly putEvents: (
    input: { Entries: EventBridgeEntry[] },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<{
    /** By place: an entry that was taken has an `EventId`. */
    readonly Entries?:
      | readonly {
          readonly EventId?: string | undefined;
          readonly ErrorCode?: string | undefined;
          readonly ErrorMessage?: string | undefined;
        }[]
      | undefined;
  }>;
}

/** Options of `eventbridge`. */
export interface EventBridgeSinkOptions {
  /** Source of the events, unless a message has its own: `com.example.orders`. It must not begin with `aws.`. */
  readonly source: string;
  /** Name or ARN of the bus. Default: the account's default bus. */
  readonly eventBusName?: string;
  /** Your own `EventBridge`. Default: one that the sink makes at the first change, which leaves retries to core. */
  readonly client?: EventBridgeClient;
  /** Requests in flight at once, at most. Default 8. */
  readonly concurrency?: number;
  /** For logs, metrics and dead letters. Default `eventbridge`. */
  readonly name?: string;
}

/** Options after validation. */
export interface Settings {
  readonly name: string;
  readonly source: string;
  readonly eventBusName: string | undefined;
  readonly client: EventBridgeClient | undefined;
  readonly concurrency: number;
}

/** @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html (read 2026-11-23) */
const bus = /^(arn:[\w-]+:events:[\w-]+:\d{12}:event-bus\/)?[\w./-]+$/;

/**
 * Checks the options and fills in defaults.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 */
export const checkOptions = (options: EventBridgeSinkOptions): Settings => {
  const { source, eventBusName, client, concurrency = 8, name = "eventbridge" } = options;
  checkText("source", source);
  if (source.startsWith("aws.")) throw invalidOption("source", "must not begin with aws., which AWS keeps for itself");
  if (eventBusName !== undefined && !bus.test(eventBusName)) {
    throw invalidOption("eventBusName", "must be the name or the ARN of a bus");
  }
  checkClient(client, "putEvents", "an EventBridge of @aws-sdk/client-eventbridge");
  checkWhole("concurrency", concurrency, [1, 100]);
  checkText("name", name);
  return Object.freeze({ name, source, eventBusName, client, concurrency });
};
