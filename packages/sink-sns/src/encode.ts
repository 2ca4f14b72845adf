// From a delivery to an entry of PublishBatch, and what it weighs. Pure.

import {
  type AppendDelivery,
  attributeBytes,
  bodyText,
  groupMembers,
  type MessageAttributes,
  messageOf,
  SinkError,
  type SizedEntry,
  sendableText,
  type WireAttributes,
  wireAttributes,
} from "@sluice/core/sink-kit";
import type { Settings } from "./options.ts";

/** A protocol of subscriptions that may get a text of its own. @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (read 2026-11-23) */
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

/** What a mapper returns: one message. */
export interface SnsMessage {
  /** A text goes as it is; anything else as JSON without loss, undefined as `null`. */
  readonly body: unknown;
  /** Instead of the body for subscriptions of these protocols: `MessageStructure` is `json` then. */
  readonly bodyFor?: { readonly [Protocol in SnsProtocol]?: unknown } | undefined;
  /** For e-mail. At most 100 characters, no line break, no control character. */
  readonly subject?: string | undefined;
  /** What filter policies look at. At most eight: two are the sink's, `idempotency-key` and `sluice-version`. */
  readonly attributes?: MessageAttributes | undefined;
  /**
   * FIFO topic: what is kept in order. Default: the item; between the items of a wider group there is no order.
   * Standard topic: the tenant for fair queues behind it. Default: none. What is no legal id is hashed.
   */
  readonly messageGroupId?: string | undefined;
}

/** An entry of `PublishBatch`, but for its id. */
export interface SnsEntry {
  readonly Message: string;
  readonly MessageAttributes: WireAttributes;
  readonly MessageStructure?: "json";
  readonly Subject?: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

const maxSubjectCharacters = 100;

const rejected = (sink: string, found: string, expected: string): SinkError =>
  new SinkError("SINK_REJECTED", `[${sink}] ${found}; expected ${expected}`);

/** @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (read 2026-11-23) */
const checkedSubject = (sink: string, subject: string): string => {
  const { length } = sendableText(sink, "subject", subject);
  if (length > maxSubjectCharacters) {
    throw rejected(sink, `subject is ${length} characters`, `at most ${maxSubjectCharacters}`);
  }
  if (/\p{Cc}|\u2028|\u2029/u.test(subject)) {
    throw rejected(sink, "subject has a line break or control character", "a text without");
  }
  return subject;
};

/** `MessageStructure: json` wants every protocol's body as a text, and one for all others. */
const structured = (sink: string, body: unknown, bodyFor: NonNullable<SnsMessage["bodyFor"]>): string => {
  const texts = Object.entries(bodyFor).flatMap(([protocol, own]) =>
    own === undefined ? [] : [[protocol, bodyText(sink, own)]],
  );
  return JSON.stringify({ default: bodyText(sink, body), ...Object.fromEntries(texts) });
};

/**
 * The entry for a delivery; its bytes are those of body, subject and attributes.
 * @throws {SinkError} SINK_REJECTED for what SNS, or a queue behind it, would never take
 */
export const encode = (settings: Settings, delivery: AppendDelivery<SnsMessage>): SizedEntry<SnsEntry> => {
  const { name } = settings;
  const { body, bodyFor, subject, attributes, messageGroupId } = messageOf(name, delivery);
  const Message = bodyFor === undefined ? bodyText(name, body) : structured(name, body, bodyFor);
  const MessageAttributes = wireAttributes(name, delivery, attributes);
  const entry = {
    Message,
    MessageAttributes,
    ...(bodyFor !== undefined && { MessageStructure: "json" as const }),
    ...(subject !== undefined && { Subject: checkedSubject(name, subject) }),
    ...groupMembers(settings, delivery, messageGroupId),
  };
  // Whether the subject counts is not documented: counted, nothing that SNS refuses is sent.
  const bytes = Buffer.byteLength(Message) + Buffer.byteLength(subject ?? "") + attributeBytes(MessageAttributes);
  return { entry, bytes };
};
