// Decodes a record of the event into a change. A record that cannot be decoded does not affect the others.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Envelope } from "../envelope/envelope.ts";
import { RecordError } from "../errors.ts";
import type { Change, Origin, StreamRecord } from "../record/change.ts";
import { decodeRecord } from "../record/record.ts";

/** One record of the event: its change, or the reason why it has none. */
export interface Received {
  readonly change: Change<unknown> | undefined;
  readonly error: RecordError | undefined;
  /** The stream record, for a dead letter. */
  readonly record: StreamRecord;
  /** The envelope that the record came in. Its `sink` names the one route that the record goes to. */
  readonly envelope: Envelope | undefined;
  /** Position, in the event, of the record or message that this record came in. */
  readonly source: number;
  /** Reason why the message stays where it is, unread. */
  readonly unread?: Error;
}

/** Where a record comes from. */
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
