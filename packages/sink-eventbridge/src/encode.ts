// From a delivery to an entry of PutEvents, and what it weighs. Pure.

import { type AppendDelivery, jsonText, messageOf, SinkError, type SizedEntry } from "@sluice/core/sink-kit";
import type { Settings } from "./options.ts";

/** What a mapper returns: one event. */
export interface EventBridgeMessage {
  /** What happened: `OrderPlaced`. 1 to 128 characters. */
  readonly detailType: string;
  /** An object, which goes as JSON without loss. The sink adds `_sluice`, with idempotency key and version. */
  readonly detail: object;
  /** Default: the option `source`. It must not begin with `aws.`. */
  readonly source?: string | undefined;
  /** ARNs of what the event is about. */
  readonly resources?: readonly string[] | undefined;
  /** Default: when DynamoDB made the change, to the second. */
  readonly time?: Date | undefined;
  /** X-Ray header, so that the consumer's trace joins the writer's. */
  readonly traceHeader?: string | undefined;
}

/** An entry of `PutEvents`. */
export interface EventBridgeEntry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  readonly Resources?: string[];
  readonly Time?: Date;
  readonly TraceHeader?: string;
  readonly EventBusName?: string;
}

const maxDetailTypeCharacters = 128;

/** What `PutEvents` counts for an event that has a time. */
const timeBytes = 14;

const rejected = (sink: string, found: string, expected: string): SinkError =>
  new SinkError("SINK_REJECTED", `[${sink}] ${found}; expected ${expected}`);

const checkedText = (sink: string, what: string, text: unknown): string => {
  if (typeof text === "string" && text !== "") return text;
  throw rejected(sink, `${what} is ${text === "" ? "empty" : typeof text}`, "a text");
};

/** AWS keeps such sources for itself, and would deny it: the event would come again for ever. */
const checkedSource = (sink: string, source: string): string => {
  if (!checkedText(sink, "source", source).startsWith("aws.")) return source;
  throw rejected(sink, "source begins with aws., which AWS keeps for itself", "another");
};

const checkedDetailType = (sink: string, detailType: string): string => {
  const { length } = checkedText(sink, "detailType", detailType);
  if (length <= maxDetailTypeCharacters) return detailType;
  throw rejected(sink, `detailType is ${length} characters`, `at most ${maxDetailTypeCharacters}`);
};

/** EventBridge has no attributes: what a consumer needs to discard repeats is a member of the detail. */
const detailText = (sink: string, { change, message, idempotencyKey }: AppendDelivery<EventBridgeMessage>): string => {
  const detail: unknown = message.detail;
  const text = jsonText(sink, "detail", detail);
  if (!text.startsWith("{")) throw rejected(sink, "detail is no object", "one with members by name");
  if (Object.hasOwn(detail as object, "_sluice")) {
    throw rejected(sink, "detail has the member _sluice, which is the sink's own", "another name");
  }
  const own = `"_sluice":${JSON.stringify({ idempotencyKey, version: change.version })}}`;
  return text === "{}" ? `{${own}` : `${text.slice(0, -1)},${own}`;
};

const timeOf = ({ change, message }: AppendDelivery<EventBridgeMessage>): { readonly Time?: Date } => {
  if (message.time !== undefined) return { Time: message.time };
  if (change.record.dynamodb?.ApproximateCreationDateTime === undefined) return {};
  return { Time: new Date(change.approximateCreationTimeMs) };
};

/**
 * Bytes of an entry as PutEvents counts them: the bus and the trace header are not among them.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html (read 2026-11-23)
 */
export const entryBytes = ({ Source, DetailType, Detail, Resources = [], Time }: EventBridgeEntry): number =>
  (Time === undefined ? 0 : timeBytes) + Buffer.byteLength([Source, DetailType, Detail, ...Resources].join(""));

/**
 * The entry for a delivery.
 * @throws {SinkError} SINK_REJECTED for what EventBridge would never take
 */
export const encode = (
  settings: Settings,
  delivery: AppendDelivery<EventBridgeMessage>,
): SizedEntry<EventBridgeEntry> => {
  const { name, eventBusName } = settings;
  const { detailType, source = settings.source, resources, traceHeader } = messageOf(name, delivery);
  const entry: EventBridgeEntry = {
    Source: checkedSource(name, source),
    DetailType: checkedDetailType(name, detailType),
    Detail: detailText(name, delivery),
    ...timeOf(delivery),
    ...(resources !== undefined && { Resources: resources.map((arn) => checkedText(name, "a resource", arn)) }),
    ...(traceHeader !== undefined && { TraceHeader: checkedText(name, "traceHeader", traceHeader) }),
    ...(eventBusName !== undefined && { EventBusName: eventBusName }),
  };
  if (entry.Time !== undefined && Number.isNaN(entry.Time.getTime())) throw rejected(name, "time is invalid", "a date");
  return { entry, bytes: entryBytes(entry) };
};
