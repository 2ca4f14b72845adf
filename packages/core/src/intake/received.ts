// Decodes a record of the event into a change. If a record cannot be decoded, the other records are not affected.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Envelope } from "../envelope/envelope.ts";
import { RecordError } from "../errors.ts";
import type { Change, Origin, StreamRecord } from "../record/change.ts";
import { decodeRecord } from "../record/record.ts";

/** One record of the event, with its change or the reason why it has no change. */
export interface Received {
  readonly change: Change<unknown> | undefined;
  readonly error: RecordError | undefined;
  /** The stream record, as a dead letter would contain it. */
  readonly record: StreamRecord;
  /** The envelope that contained the record. The record goes only to the route that the envelope's `sink` names. */
  readonly envelope: Envelope | undefined;
  /** Position, in the event, of this stream record or of the message that contained this stream record. */
  readonly source: number;
  /** The reason why the message was not read and stays in its queue. */
  readonly unread?: Error;
}

/** The origin of a record. */
export interface Arrival {
  readonly source: number;
  readonly origin: Origin;
  readonly envelope: Envelope | undefined;
}

/** Decodes a record, or returns the reason why it cannot be decoded. */
export const receive = (
  record: StreamRecord,
  { source, origin, envelope }: Arrival,
  schema: StandardSchemaV1<unknown, unknown> | undefined,
): Received => {
  try {
    return { change: decodeRecord(record, origin, schema), error: undefined, record, envelope, source };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { change: undefined, error, record, envelope, source };
  }
};
