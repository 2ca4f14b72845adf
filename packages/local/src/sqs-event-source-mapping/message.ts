// A message as ReceiveMessage returns it, and as Lambda delivers it.

import type { SqsAttribute, SqsReceivedMessage } from "@sluice/core/envelope";
import type { RecordText } from "../lambda/batch.ts";

/** An attribute of a message as Lambda delivers it. */
export interface SqsRecordAttribute {
  readonly stringValue?: string;
  /** The value of a binary attribute, in base64. */
  readonly binaryValue?: string;
  readonly stringListValues: readonly never[];
  readonly binaryListValues: readonly never[];
  readonly dataType: string;
}

/** A message as Lambda delivers it. @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html (read 2026-11-25) */
export interface SqsRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** `ApproximateReceiveCount`, `SentTimestamp` and others; a FIFO queue adds `MessageGroupId` and `SequenceNumber`. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, SqsRecordAttribute>>;
  readonly md5OfMessageAttributes?: string;
  readonly md5OfBody: string;
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

/** A message that was received and is not finished yet. */
export interface ReceivedMessage extends RecordText {
  readonly id: string;
  readonly receiptHandle: string;
}

const attributeOf = ({ StringValue, BinaryValue, DataType = "" }: SqsAttribute): SqsRecordAttribute => ({
  ...(StringValue !== undefined && { stringValue: StringValue }),
  ...(BinaryValue !== undefined && { binaryValue: Buffer.from(BinaryValue).toString("base64") }),
  stringListValues: [],
  binaryListValues: [],
  dataType: DataType,
});

const recordOf = (message: SqsReceivedMessage, queueArn: string): SqsRecord => {
  const { MessageId = "", ReceiptHandle = "", Body = "", MD5OfBody = "", MD5OfMessageAttributes } = message;
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, attributeOf(value)]);
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(attributes),
    ...(MD5OfMessageAttributes !== undefined && { md5OfMessageAttributes: MD5OfMessageAttributes }),
    md5OfBody: MD5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(":")[3] ?? "", // arn:aws:sqs:<region>:<account>:<name>
  };
};

/** Converts a message of ReceiveMessage to the form that the mapping uses. */
export const receivedMessage = (message: SqsReceivedMessage, queueArn: string): ReceivedMessage => {
  const record = recordOf(message, queueArn);
  const text = JSON.stringify(record);
  return { id: record.messageId, receiptHandle: record.receiptHandle, text, bytes: Buffer.byteLength(text) };
};
