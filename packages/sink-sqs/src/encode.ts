// From a delivery to an entry of SendMessageBatch, and its size. Pure.

import {
  type AppendDelivery,
  attributeBytes,
  bodyText,
  type GroupedTarget,
  type GroupMembers,
  groupMembers,
  type MessageAttributes,
  messageOf,
  rejected,
  type SizedEntry,
  sendableText,
  type WireAttributes,
  wireAttributes,
} from "@sluice/core/sink-kit";

/** The message that a mapper returns. */
export interface SqsMessage {
  /** A string is sent as it is. Any other value is sent as lossless JSON, undefined as `null`. */
  readonly body: unknown;
  /** At most eight: the sink adds `idempotency-key` and `sluice-version`. */
  readonly attributes?: MessageAttributes | undefined;
  /** Seconds until consumers see the message, 0 to 900. Standard queues only. Default: the delay of the queue. */
  readonly delaySeconds?: number | undefined;
  /**
   * FIFO queue: the group that is kept in order. Default: the item. Items that share a wider group have no order among
   * each other. Standard queue: the tenant, for fair queues. Default: none. A text that is not a legal id is hashed.
   */
  readonly messageGroupId?: string | undefined;
  /** X-Ray header, which continues the trace in the consumer. Does not count towards the size. */
  readonly traceHeader?: string | undefined;
}

/** An entry of `SendMessageBatch` without its id. */
export interface SendMessageEntry extends GroupMembers {
  readonly MessageBody: string;
  readonly MessageAttributes: WireAttributes;
  readonly DelaySeconds?: number;
  readonly MessageSystemAttributes?: { readonly AWSTraceHeader: { DataType: "String"; StringValue: string } };
}

const longestDelaySeconds = 900;

const delayMember = (
  { name, isFifo }: GroupedTarget,
  delay: number | undefined,
): Pick<SendMessageEntry, "DelaySeconds"> => {
  if (delay === undefined) return {};
  if (isFifo) throw rejected(name, "delaySeconds is given; a FIFO queue has one delay for all messages");
  if (Number.isInteger(delay) && delay >= 0 && delay <= longestDelaySeconds) return { DelaySeconds: delay };
  throw rejected(name, `delaySeconds is out of range; expected whole seconds from 0 to ${longestDelaySeconds}`);
};

const traceMember = (
  sink: string,
  traceHeader: string | undefined,
): Pick<SendMessageEntry, "MessageSystemAttributes"> => {
  if (traceHeader === undefined) return {};
  const StringValue = sendableText(sink, "traceHeader", traceHeader);
  return { MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue } } };
};

/**
 * The entry for a delivery; its bytes are those of body and attributes.
 * @throws {SinkError} SINK_REJECTED for a message that SQS always rejects.
 */
export const encode = (delivery: AppendDelivery<SqsMessage>, target: GroupedTarget): SizedEntry<SendMessageEntry> => {
  const { name } = target;
  const { body, attributes, delaySeconds, messageGroupId, traceHeader } = messageOf(name, delivery);
  const MessageBody = bodyText(name, body);
  const MessageAttributes = wireAttributes(name, delivery, attributes);
  const entry = {
    MessageBody,
    MessageAttributes,
    ...delayMember(target, delaySeconds),
    ...groupMembers(target, delivery, messageGroupId),
    ...traceMember(name, traceHeader),
  };
  return { entry, bytes: Buffer.byteLength(MessageBody) + attributeBytes(MessageAttributes) };
};
