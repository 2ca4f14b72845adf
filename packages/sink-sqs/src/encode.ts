// Turns a delivery into an entry of SendMessageBatch, and computes its size. No I/O.

import {
  type AppendDelivery,
  attributeBytes,
  bodyText,
  type GroupedEntry,
  type GroupedMessage,
  type GroupedTarget,
  groupedEntry,
  type MemberNames,
  messageOf,
  rejected,
  type SizedEntry,
  sendableText,
  wrongType,
} from "@sluice/core/sink-kit";

/** The message that a mapper returns. Null in an optional member means that the member is absent. */
export interface SqsMessage extends GroupedMessage {
  /** Seconds until consumers see the message, 0 to 900. Standard queues only. Default: the delay of the queue. */
  readonly delaySeconds?: number | null | undefined;
  /** X-Ray header, so that the consumer continues the trace. The header does not count towards the size. */
  readonly traceHeader?: string | null | undefined;
}

/** An entry of `SendMessageBatch` without its id. */
export interface SendMessageEntry extends GroupedEntry {
  readonly MessageBody: string;
  readonly DelaySeconds?: number;
  readonly MessageSystemAttributes?: { readonly AWSTraceHeader: { DataType: "String"; StringValue: string } };
}

const longestDelaySeconds = 900;

const delayMember = (
  { name, isFifo }: GroupedTarget,
  delay: SqsMessage["delaySeconds"],
): Pick<SendMessageEntry, "DelaySeconds"> => {
  if (delay === undefined || delay === null) return {};
  const expected = `whole seconds from 0 to ${longestDelaySeconds}`;
  if (typeof delay !== "number") throw wrongType(name, "delaySeconds", delay, expected);
  if (isFifo) throw rejected(name, "delaySeconds is given; a FIFO queue has one delay for all messages");
  if (Number.isInteger(delay) && delay >= 0 && delay <= longestDelaySeconds) return { DelaySeconds: delay };
  throw rejected(name, `delaySeconds is out of range; expected ${expected}`);
};

const traceMember = (
  sink: string,
  traceHeader: SqsMessage["traceHeader"],
): Pick<SendMessageEntry, "MessageSystemAttributes"> => {
  if (traceHeader === undefined || traceHeader === null) return {};
  const StringValue = sendableText(sink, "traceHeader", traceHeader);
  return { MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue } } };
};

const members: MemberNames<SqsMessage> = {
  body: true,
  attributes: true,
  messageGroupId: true,
  delaySeconds: true,
  traceHeader: true,
};

/** Returns the entry for a delivery. @throws {SinkError} SINK_REJECTED for a message that SQS always rejects. */
export const encode = (delivery: AppendDelivery<SqsMessage>, target: GroupedTarget): SizedEntry<SendMessageEntry> => {
  const { name } = target;
  const message = messageOf(name, delivery, members);
  const entry = {
    MessageBody: bodyText(name, message.body),
    ...groupedEntry(target, delivery, message),
    ...delayMember(target, message.delaySeconds),
    ...traceMember(name, message.traceHeader),
  };
  return { entry, bytes: Buffer.byteLength(entry.MessageBody) + attributeBytes(entry.MessageAttributes) };
};
