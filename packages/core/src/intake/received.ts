// Decodes a record of the event into a change. If a record cannot be decoded, the other records are not affected.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Envelope } from "../envelope/envelope.ts";
import { RecordError } from "../errors.ts";
import type { Change, Origin, StreamRecord } from "../record/change.ts";
import { decodeRecord } from "../record/record.ts";
import type { SourceReader } from "../record/source.ts";
import { visibleRecord } from "../record/tombstone.ts";
import { deliverableDays } from "../sink/maintenance.ts";
import type { WriteMode } from "../sink/sink.ts";

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
  /** The item did not exist before the change, nor after it. Only a tombstone changed. */
  readonly isUnchanged?: true;
  /** Another table was the source when this record was made. An append route would send the change twice. */
  readonly isOutOfTurn?: true;
  /** The change is too old for an upsert target, whose tombstones may be deleted. */
  readonly expiry?: RecordError;
}

/** The settings by which records are decoded, and the time of the invocation. */
export interface Reception {
  readonly source: SourceReader;
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The origin of a record. */
export interface Arrival {
  /** Position in the event. */
  readonly source: number;
  readonly origin: Origin;
  readonly envelope: Envelope | undefined;
}

const dayMs = 86_400_000;

const expired = (days: number): RecordError =>
  new RecordError(
    "RECORD_EXPIRED",
    `the change was made ${days} days ago; expected at most ${deliverableDays}, because the target may have deleted the ` +
      "tombstone of a later removal, and the change would bring the item back. Touch the item if it still exists, then " +
      "delete this message",
  );

/**
 * Returns the error for a change that is too old to be written. A record without a time is not checked.
 */
const expiryOf = (change: Change<unknown>, { now }: Reception): RecordError | undefined => {
  if (change.origin === "stream" || change.origin === "backfill") return undefined;
  const createdAt = change.approximateCreationTimeMs;
  const isYoung = createdAt === 0 || now - createdAt <= deliverableDays * dayMs;
  return isYoung ? undefined : expired(Math.floor((now - createdAt) / dayMs));
};

/**
 * Decodes a record, or returns the reason why it cannot be decoded.
 * @throws {RecordError} RECORD_FOREIGN when the record is of a table that the pipeline does not replicate.
 */
export const receive = (record: StreamRecord, arrival: Arrival, reception: Reception): Received => {
  const { source, origin, envelope } = arrival;
  try {
    const { epoch, isOutOfTurn, guardAttribute } = reception.source.read(record);
    const visible = visibleRecord(record, guardAttribute);
    const change = decodeRecord(visible.record, origin, reception.schema, epoch);
    const expiry = expiryOf(change, reception);
    const received: Received = { change, error: undefined, record, envelope, source };
    if (!visible.isUnchanged && !isOutOfTurn && expiry === undefined) return received;
    return {
      ...received,
      ...(visible.isUnchanged && { isUnchanged: true as const }),
      // A delivery in an envelope was accepted before. A pending item may wait for its end.
      ...(isOutOfTurn && envelope === undefined && { isOutOfTurn: true as const }),
      ...(expiry && { expiry }),
    };
  } catch (error) {
    if (!(error instanceof RecordError) || error.code === "RECORD_FOREIGN") throw error;
    return { change: undefined, error, record, envelope, source };
  }
};

/**
 * Returns why routes of this write mode do not deliver a change: the change has no effect on them (`filtered`), or must
 * not be written. Returns undefined for a change that they deliver. A removal that writes no message is never too old,
 * because it cannot bring an item back.
 */
export const withheldFrom = (
  writes: WriteMode,
  received: Received,
  isPlainRemoval: boolean,
): "filtered" | RecordError | undefined => {
  if (received.isUnchanged || (received.isOutOfTurn && writes === "append")) return "filtered";
  return writes === "upsert" && !isPlainRemoval ? received.expiry : undefined;
};
