// From a delivery to an entry of SendMessageBatch, and what it weighs. Pure.

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

/** What a mapper returns: one message. */
export interface SqsMessage {
  /** A text goes as it is; anything else as JSON without loss, undefined as `null`. */
  readonly body: unknown;
  /** At most eight: two of SQS's ten are the sink's, `idempotency-key` and `sluice-version`. */
  readonly attributes?: MessageAttributes | undefined;
  /** Seconds until consumers see the message, 0 to 900. Standard queues only. Default: the queue's own. */
  readonly delaySeconds?: number | undefined;
  /**
   * FIFO queue: what is kept in order. Default: the item; between the items of a wider group there is no order.
   * Standard queue: the tenant for fair queues. Default: none. What is no legal id is hashed.
   */
  readonly messageGroupId?: string | undefined;
  /** X-Ray header, so that the consumer's trace joins the writer's. Does not count towards the size. */
  readonly traceHeader?: string | undefined;
}

/** An entry of `SendMessageBatch`, but for its id. */
export interface SqsEntry {
  readonly MessageBody: string;
  readonly MessageAttributes: WireAttributes;
  readonly DelaySeconds?: number;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
  readonly MessageSystemAttributes?: { readonly AWSTraceHeader: { DataType: "String"; StringValue: string } };
}

const longestDelaySeconds = 900;

const delayMember = ({ name, isFifo }: Settings, delay: number | undefined): Pick<SqsEntry, "DelaySeconds"> => {
  if (delay === undefined) return {};
  if (isFifo) {
    throw new SinkError(
      "SINK_REJECTED",
      `[${name}] delaySeconds is given; a FIFO queue has one delay for all messages`,
    );
  }
  if (Number.isInteger(delay) && delay >= 0 && delay <= longestDelaySeconds) return { DelaySeconds: delay };
  throw new SinkError(
    "SINK_REJECTED",
    `[${name}] delaySeconds is out of range; expected whole seconds from 0 to ${longestDelaySeconds}`,
  );
};

const traceMember = (sink: string, traceHeader: string | undefined): Pick<SqsEntry, "MessageSystemAttributes"> => {
  if (traceHeader === undefined) return {};
  const StringValue = sendableText(sink, "traceHeader", traceHeader);
  return { MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue } } };
};

/**
 * The entry for a delivery; its bytes are those of body and attributes.
 * @throws {SinkError} SINK_REJECTED for what SQS would never take
 */
export const encode = (settings: Settings, delivery: AppendDelivery<SqsMessage>): SizedEntry<SqsEntry> => {
  const { body, attributes, delaySeconds, messageGroupId, traceHeader } = messageOf(settings.name, delivery);
  const MessageBody = bodyText(settings.name, body);
  const MessageAttributes = wireAttributes(settings.name, delivery, attributes);
  const entry = {
    MessageBody,
    MessageAttributes,
    ...delayMember(settings, delaySeconds),
    ...groupMembers(settings, delivery, messageGroupId),
    ...traceMember(settings.name, traceHeader),
  };
  return { entry, bytes: Buffer.byteLength(MessageBody) + attributeBytes(MessageAttributes) };
};
