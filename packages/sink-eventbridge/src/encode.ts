// Turns a delivery into an entry of PutEvents, and computes its size. No I/O.

import { type AppendDelivery, jsonText, messageOf, rejected, type SizedEntry } from "@sluice/core/sink-kit";

/** The event that a mapper returns. */
export interface EventBridgeMessage {
  /** The kind of event, such as `OrderPlaced`. 1 to 128 characters. */
  readonly detailType: string;
  /** An object, which is sent as lossless JSON. The sink adds `_sluice` with the idempotency key and the version. */
  readonly detail: object;
  /** Default: the option `source`. It must not begin with `aws.`. */
  readonly source?: string | undefined;
  /** ARNs of the resources that the event concerns. */
  readonly resources?: readonly string[] | undefined;
  /** Default: the time of the change in DynamoDB, which is exact to the second. */
  readonly time?: Date | undefined;
  /** X-Ray header, so that the consumer continues the trace. */
  readonly traceHeader?: string | undefined;
}

/** The settings that `encode` needs. */
export interface EventDefaults {
  readonly name: string;
  readonly source: string;
  readonly eventBusName: string | undefined;
}

/** An entry of `PutEvents`. */
export interface PutEventsEntry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  readonly Resources?: string[];
  readonly Time?: Date;
  readonly TraceHeader?: string;
  readonly EventBusName?: string;
}

const maxDetailTypeCharacters = 128;

const checkedText = (sink: string, what: string, text: unknown): string => {
  if (typeof text === "string" && text !== "") return text;
  throw rejected(sink, `${what} is ${text === "" ? "empty" : typeof text}; expected a text`);
};

/** Refuses sources that AWS reserves. For these, EventBridge answers "access denied", which core retries for ever. */
const checkedSource = (sink: string, source: string): string => {
  if (!checkedText(sink, "source", source).startsWith("aws.")) return source;
  throw rejected(sink, "source begins with aws., which AWS reserves; expected another source");
};

const checkedDetailType = (sink: string, detailType: string): string => {
  const { length } = checkedText(sink, "detailType", detailType);
  if (length <= maxDetailTypeCharacters) return detailType;
  throw rejected(sink, `detailType is ${length} characters; expected at most ${maxDetailTypeCharacters}`);
};

/** Adds the idempotency key and the version to the detail, because EventBridge has no message attributes. */
const detailText = (sink: string, { change, message, idempotencyKey }: AppendDelivery<EventBridgeMessage>): string => {
  const detail: unknown = message.detail;
  const text = jsonText(sink, "detail", detail);
  if (!text.startsWith("{")) throw rejected(sink, "detail is not an object; expected one with named members");
  if (Object.hasOwn(detail as object, "_sluice")) {
    throw rejected(sink, "detail has the member _sluice, which is reserved for the sink; expected another name");
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
 * Returns the bytes of an entry as PutEvents counts them: 14 for the time, and 0 for the bus and the trace header.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html (read 2026-11-23)
 */
export const entryBytes = ({ Source, DetailType, Detail, Resources = [], Time }: PutEventsEntry): number =>
  (Time === undefined ? 0 : 14) + Buffer.byteLength([Source, DetailType, Detail, ...Resources].join(""));

/** Returns the entry for a delivery. @throws {SinkError} SINK_REJECTED for an event that EventBridge always rejects. */
export const encode = (
  delivery: AppendDelivery<EventBridgeMessage>,
  defaults: EventDefaults,
): SizedEntry<PutEventsEntry> => {
  const { name, eventBusName } = defaults;
  const { detailType, source = defaults.source, resources, traceHeader } = messageOf(name, delivery);
  const entry: PutEventsEntry = {
    Source: checkedSource(name, source),
    DetailType: checkedDetailType(name, detailType),
    Detail: detailText(name, delivery),
    ...timeOf(delivery),
    ...(resources !== undefined && { Resources: resources.map((arn) => checkedText(name, "a resource", arn)) }),
    ...(traceHeader !== undefined && { TraceHeader: checkedText(name, "traceHeader", traceHeader) }),
    ...(eventBusName !== undefined && { EventBusName: eventBusName }),
  };
  if (entry.Time !== undefined && Number.isNaN(entry.Time.getTime()))
    throw rejected(name, "time is invalid; expected a date");
  return { entry, bytes: entryBytes(entry) };
};
