// Turns a delivery into an entry of PutEvents, and computes its size. No I/O.

import {
  type AppendDelivery,
  hasMembers,
  listMember,
  type MemberNames,
  messageOf,
  rejected,
  type SizedEntry,
  textMember,
  wholeJsonText,
  wrongType,
} from "@sluice/core/sink-kit";

/** The event that a mapper returns. Null in an optional member means that the member is absent. */
export interface EventBridgeMessage {
  /** The kind of event, such as `OrderPlaced`. 1 to 128 characters. */
  readonly detailType: string;
  /** An object, which is sent as lossless JSON. The sink adds `sluiceid` and `sluiceversion`. */
  readonly detail: object;
  /** Default: the option `source`. It must not begin with `aws.`. */
  readonly source?: string | null | undefined;
  /** ARNs of the resources that the event concerns. */
  readonly resources?: readonly string[] | null | undefined;
  /** Default: the time of the change in DynamoDB, which is exact to the second. */
  readonly time?: Date | null | undefined;
  /** X-Ray header, so that the consumer continues the trace. */
  readonly traceHeader?: string | null | undefined;
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

/** Refuses sources that AWS reserves. For these, EventBridge answers "access denied", which core retries for ever. */
const checkedSource = (sink: string, given: unknown): string => {
  const source = textMember(sink, "source", given);
  if (!source.startsWith("aws.")) return source;
  throw rejected(sink, "source begins with aws., which AWS reserves; expected another source");
};

const checkedDetailType = (sink: string, given: unknown): string => {
  const detailType = textMember(sink, "detailType", given);
  const { length } = detailType;
  if (length <= maxDetailTypeCharacters) return detailType;
  throw rejected(sink, `detailType is ${length} characters; expected at most ${maxDetailTypeCharacters}`);
};

/**
 * The members that the sink adds. Their names are legal names of CloudEvents attributes, so that a CloudEvent stays one.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#naming-conventions (read 2026-11-28)
 */
const ownMembers = ["sluiceid", "sluiceversion"] as const;

/** Adds the idempotency key and the version to the detail, because EventBridge has no message attributes. */
const detailText = (sink: string, { change, message, idempotencyKey }: AppendDelivery<EventBridgeMessage>): string => {
  const detail: unknown = message.detail;
  if (!hasMembers(detail)) throw wrongType(sink, "detail", detail, "an object with named members");
  // EventBridge parses the detail, and writes it anew for the targets of a rule.
  const text = wholeJsonText(sink, "detail", detail);
  if (!text.startsWith("{")) throw rejected(sink, "detail becomes JSON of another type; expected a JSON object");
  const reserved = ownMembers.find((name) => Object.hasOwn(detail, name));
  if (reserved !== undefined) {
    throw rejected(sink, `detail has the member ${reserved}, which is reserved for the sink; expected another name`);
  }
  const [id, version] = ownMembers;
  const own = JSON.stringify({ [id]: idempotencyKey, [version]: change.version });
  return text === "{}" ? own : `${text.slice(0, -1)},${own.slice(1)}`;
};

const members: MemberNames<EventBridgeMessage> = {
  detailType: true,
  detail: true,
  source: true,
  resources: true,
  time: true,
  traceHeader: true,
};

const checkedTime = (sink: string, given: unknown): Date => {
  if (!(given instanceof Date)) throw wrongType(sink, "time", given, "a Date");
  // A copy, because the user's class may extend Date.
  const time = new Date(Number(given));
  if (Number.isNaN(time.getTime())) throw rejected(sink, "time is invalid; expected a date");
  return time;
};

const timeOf = (sink: string, { change, message }: AppendDelivery<EventBridgeMessage>): { readonly Time?: Date } => {
  const { time } = message;
  if (time !== undefined && time !== null) return { Time: checkedTime(sink, time) };
  if (change.record.dynamodb?.ApproximateCreationDateTime === undefined) return {};
  return { Time: checkedTime(sink, new Date(change.approximateCreationTimeMs)) };
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
  const { detailType, source, resources, traceHeader } = messageOf(name, delivery, members);
  const arns = listMember(name, "resources", resources);
  const entry: PutEventsEntry = {
    Source: checkedSource(name, source ?? defaults.source),
    DetailType: checkedDetailType(name, detailType),
    Detail: detailText(name, delivery),
    ...timeOf(name, delivery),
    ...(arns !== undefined && { Resources: arns.map((arn) => textMember(name, "a resource", arn)) }),
    ...(traceHeader !== undefined &&
      traceHeader !== null && { TraceHeader: textMember(name, "traceHeader", traceHeader) }),
    ...(eventBusName !== undefined && { EventBusName: eventBusName }),
  };
  return { entry, bytes: entryBytes(entry) };
};
