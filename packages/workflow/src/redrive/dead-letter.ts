// A received dead letter. The queue may also contain batches that Lambda sent to it as an on-failure destination. Such
// batches have no envelope, and are sent to the pipeline unchanged.

import { type Envelope, encodeEnvelope, messageContent } from "@sluice/core/envelope";
import type { StreamRecord } from "@sluice/core/sink-kit";
import { envelopeOrder, invocationOrder, type MessageOrder } from "@sluice/redrive";
import type { QueueMessage } from "./queue.ts";

/** A message, and the envelope in it. */
export interface DeadLetter {
  readonly message: QueueMessage;
  readonly envelope: Envelope | undefined;
}

/** A dead letter with its record. If the fix changed the record, `fixedRecord` is the new record. */
export interface DeadLetterWithRecord extends DeadLetter {
  readonly record: StreamRecord | undefined;
  readonly fixedRecord?: StreamRecord;
}

/** Returns the dead letter in a message. */
export const deadLetterIn = (message: QueueMessage): DeadLetter => {
  const content = messageContent(message.body);
  return { message, envelope: content.kind === "dead-letter" ? content.envelope : undefined };
};

/** Returns the name of the sink that failed; `-` for a message without an envelope. */
export const sinkOf = ({ envelope }: DeadLetter): string => envelope?.sink ?? "-";

/** Returns the body to send to the pipeline: the message's own body, unless the fix changed the record. */
export const bodyOf = ({ message, envelope, ...rest }: DeadLetter & Partial<DeadLetterWithRecord>): string => {
  if (envelope === undefined || rest.fixedRecord === undefined) return message.body;
  const { recordUrl: _, ...members } = envelope;
  return encodeEnvelope({ ...members, record: rest.fixedRecord }, Number.POSITIVE_INFINITY);
};

/** Returns the place of a dead letter in the order of its item and sink, or of a batch in the order of its shard. */
export const orderOf = ({ message, envelope, ...rest }: DeadLetter & Partial<DeadLetterWithRecord>): MessageOrder => {
  if (envelope !== undefined) return envelopeOrder({ ...envelope, record: rest.record ?? envelope.record });
  const content = messageContent(message.body);
  return invocationOrder(message.id, content.kind === "on-failure" ? content.record : {});
};
