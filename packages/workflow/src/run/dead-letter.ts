// A dead letter that was received: the message, and the envelope in it where it holds one. What Lambda itself sends to an
// on-failure destination may be in the queue as well: it has no envelope, and goes through the pipeline as it is.

import { decodeEnvelope, type Envelope, encodeEnvelope, type PayloadStore } from "@sluice/core/envelope";
import { RecordError, type StreamRecord } from "@sluice/core/sink-kit";
import type { QueueMessage } from "./queue.ts";

/** A message, and what is in it. */
export interface Letter {
  readonly message: QueueMessage;
  readonly envelope: Envelope | undefined;
}

/** A letter whose record is at hand, and what the fix made of it where it changed it. */
export interface ReadLetter extends Letter {
  readonly record: StreamRecord | undefined;
  readonly fixedRecord?: StreamRecord;
}

export const letterOf = (message: QueueMessage): Letter => ({ message, envelope: decodeEnvelope(message.body) });

/** Name of the route that failed; `-` where the message does not say. */
export const sinkOf = ({ envelope }: Letter): string => envelope?.sink ?? "-";

/** The body that the pipeline gets: the message's own, unless the record was fixed. */
export const bodyOf = ({ message, envelope, ...letter }: Letter & Partial<ReadLetter>): string => {
  if (envelope === undefined || letter.fixedRecord === undefined) return message.body;
  const { recordUrl: _, ...rest } = envelope;
  return encodeEnvelope({ ...rest, record: letter.fixedRecord }, Number.POSITIVE_INFINITY);
};

/**
 * The record of an envelope, fetched where it is kept elsewhere.
 * @throws {RecordError} RECORD_LOST or RECORD_MALFORMED, {SinkError} what the store answers.
 */
export const recordIn = async (envelope: Envelope, payloadStore: PayloadStore | undefined): Promise<StreamRecord> => {
  const { recordUrl, ...rest } = envelope;
  if (recordUrl === undefined) return envelope.record;
  if (payloadStore === undefined) {
    throw new RecordError(
      "RECORD_MALFORMED",
      "the record is kept elsewhere; expected the option payloadStore to fetch it",
    );
  }
  const recordGzip = Buffer.from(await payloadStore.get(recordUrl)).toString("base64");
  const whole = decodeEnvelope(JSON.stringify({ ...rest, recordGzip }));
  if (whole !== undefined) return whole.record;
  throw new RecordError("RECORD_MALFORMED", "what is kept for the message is no record");
};
