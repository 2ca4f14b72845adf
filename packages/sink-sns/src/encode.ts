// Turns a delivery into an entry of PublishBatch, and computes its size. No I/O.

import {
  type AppendDelivery,
  attributeBytes,
  bodyText,
  checkMemberNames,
  entriesOf,
  type GroupedEntry,
  type GroupedMessage,
  type GroupedTarget,
  groupedEntry,
  type MemberNames,
  messageOf,
  rejected,
  type SizedEntry,
  sendableText,
} from "@sluice/core/sink-kit";

/** A subscription protocol, for which a message may have a special body. @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (read 2026-11-23) */
export type SnsProtocol =
  | "http"
  | "https"
  | "email"
  | "email-json"
  | "sms"
  | "sqs"
  | "lambda"
  | "application"
  | "firehose"
  | "APNS"
  | "APNS_SANDBOX"
  | "APNS_VOIP"
  | "APNS_VOIP_SANDBOX"
  | "MACOS"
  | "MACOS_SANDBOX"
  | "GCM"
  | "ADM"
  | "BAIDU"
  | "MPNS"
  | "WNS";

/** The message that a mapper returns. Null in an optional member means that the member is absent. */
export interface SnsMessage extends GroupedMessage {
  /** Replaces the body for subscriptions of these protocols. The sink then sets `MessageStructure` to `json`. */
  readonly bodyFor?: { readonly [Protocol in SnsProtocol]?: unknown } | null | undefined;
  /** Subject line for e-mail: at most 100 characters, without line breaks or control characters. */
  readonly subject?: string | null | undefined;
}

/** An entry of `PublishBatch` without its id. */
export interface PublishEntry extends GroupedEntry {
  readonly Message: string;
  readonly MessageStructure?: "json";
  readonly Subject?: string;
}

const maxSubjectCharacters = 100;

/** @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (read 2026-11-23) */
const checkedSubject = (sink: string, given: unknown): string => {
  const subject = sendableText(sink, "subject", given);
  const { length } = subject;
  if (length > maxSubjectCharacters) {
    throw rejected(sink, `subject is ${length} characters; expected at most ${maxSubjectCharacters}`);
  }
  if (/\p{Cc}|\u2028|\u2029/u.test(subject)) {
    throw rejected(sink, "subject has a line break or control character; expected a text without any");
  }
  return subject;
};

/** SNS ignores a body for another protocol, so that a misspelt name would be lost. */
const protocols: MemberNames<Record<SnsProtocol, unknown>> = {
  http: true,
  https: true,
  email: true,
  "email-json": true,
  sms: true,
  sqs: true,
  lambda: true,
  application: true,
  firehose: true,
  APNS: true,
  APNS_SANDBOX: true,
  APNS_VOIP: true,
  APNS_VOIP_SANDBOX: true,
  MACOS: true,
  MACOS_SANDBOX: true,
  GCM: true,
  ADM: true,
  BAIDU: true,
  MPNS: true,
  WNS: true,
};

/** `MessageStructure: json` requires one string for each protocol, and a default string for all other protocols. */
const structuredBody = (sink: string, body: unknown, bodyFor: NonNullable<SnsMessage["bodyFor"]>): string => {
  const bodies = entriesOf(sink, "bodyFor", bodyFor);
  checkMemberNames(sink, "bodyFor", bodyFor, protocols);
  const texts = bodies.map(([protocol, own]) => [protocol, bodyText(sink, own)]);
  return JSON.stringify({ default: bodyText(sink, body), ...Object.fromEntries(texts) });
};

const members: MemberNames<SnsMessage> = {
  body: true,
  attributes: true,
  messageGroupId: true,
  bodyFor: true,
  subject: true,
};

/** Returns the entry for a delivery. @throws {SinkError} SINK_REJECTED if SNS or a subscribed queue would reject it. */
export const encode = (delivery: AppendDelivery<SnsMessage>, target: GroupedTarget): SizedEntry<PublishEntry> => {
  const { name } = target;
  const message = messageOf(name, delivery, members);
  const { body, bodyFor, subject } = message;
  const isStructured = bodyFor !== undefined && bodyFor !== null;
  const Message = isStructured ? structuredBody(name, body, bodyFor) : bodyText(name, body);
  const Subject = subject === undefined || subject === null ? undefined : checkedSubject(name, subject);
  const entry = {
    Message,
    ...groupedEntry(target, delivery, message),
    ...(isStructured && { MessageStructure: "json" as const }),
    ...(Subject !== undefined && { Subject }),
  };
  // SNS does not document whether the subject counts towards the size. So the sink counts the subject, to be safe.
  const bytes = Buffer.byteLength(Message) + Buffer.byteLength(Subject ?? "") + attributeBytes(entry.MessageAttributes);
  return { entry, bytes };
};
