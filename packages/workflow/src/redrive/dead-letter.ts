// A received dead letter. If the queue is also Lambda's on-failure destination, it contains failed batches, too. Such
// batches have no envelope, and are sent to the pipeline unchanged.

import { type Envelope, encodeEnvelope, messageContent } from "@sluice/core/envelope";
import type { StreamRecord } from "@sluice/core/sink-kit";
import { envelopeOrder, invocationOrder, type MessageOrder } from "@sluice/redrive";
import type { QueueMessage } from "./queue.ts";

/** A message, and the envelope that its body contains. */
export interface DeadLetter {
  readonly message: QueueMessage;
  readonly envelope: Envelope | undefined;
}

/** A dead letter and its record. If the fix has changed the record, `fixedRecord` is the changed record. */
export interface DeadLetterWithRecord extends DeadLetter {
  readonly record: StreamRecord | undefined;
  readonly fixedRecord?: StreamRecord;
}

/** Reads a message's body as a dead letter. */
export const deadLetterIn = (message: QueueMessage): DeadLetter => {
  const content = messageContent(message.body);
  return { message, envelope: content.kind === "dead-letter" ? content.envelope : undefined };
};

/** Returns the name of the sink that failed, or `-` if the message has no envelope. */
export const sinkOf = ({ envelope }: DeadLetter): string => envelope?.sink ?? "-";

/** Returns the body for the pipeline: the message's body or, if the fix changed the record, a new envelope. */
export const bodyOf = ({ message, envelope, ...rest }: DeadLetter & Partial<DeadLetterWithRecord>): string => {
  if (envelope === undefined || rest.fixedRecord === undefined) return message.body;
  const { recordUrl: _, ...members } = envelope;
  return encodeEnvelope({ ...members, record: rest.fixedRecord }, Number.POSITIVE_INFINITY);
};

/** Returns the message's position in the order of sending. A change is ordered within its item and sink, a batch within its shard. */
export const orderOf = ({ message, envelope, ...rest }: DeadLetter & Partial<DeadLetterWithRecord>): MessageOrder => {
  if (envelope !== undefined) return envelopeOrder({ ...envelope, record: rest.record ?? envelope.record });
  const content = messageContent(message.body);
  return invocationOrder(message.id, content.kind === "on-failure" ? content.record : {});
};
