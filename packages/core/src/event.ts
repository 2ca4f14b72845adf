// Recognises what Lambda was called with, and decodes it into entries for the routes.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Change, Origin, StreamRecord } from "./change.ts";
import type { Envelope } from "./dead-letter.ts";
import { RecordError } from "./errors.ts";
import { decodeRecord } from "./record.ts";
import { decodeEnvelope } from "./sqs-dead-letter.ts";

/** One record of the event: the change in it, or why there is none. */
export interface Received {
  readonly change: Change<unknown> | undefined;
  readonly error: RecordError | undefined;
  /** The stream record, for a dead letter. */
  readonly record: StreamRecord;
  /** The dead letter that it came in; its `sink` is the one route that it goes to. */
  readonly envelope: Envelope | undefined;
}

/** A recognised event. */
export interface RecognisedEvent {
  readonly origin: Origin;
  /** The event's own records, as Powertools reports them. */
  readonly records: readonly unknown[];
}

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
}

const isSqsRecord = (record: unknown): record is SqsRecord =>
  typeof record === "object" && record !== null && "body" in record && "messageId" in record;

const isStreamRecord = (record: unknown): boolean =>
  typeof record === "object" &&
  record !== null &&
  ("dynamodb" in record || ("eventSource" in record && record.eventSource === "aws:dynamodb"));

/**
 * The origin and records of an event that the handler accepts.
 * @throws {RecordError} RECORD_MALFORMED for any other: an empty success would lose what it held.
 */
export const recognise = (event: unknown): RecognisedEvent => {
  const records = (event as { Records?: unknown } | null | undefined)?.Records;
  if (Array.isArray(records)) {
    if (records.every(isStreamRecord)) return { origin: "stream", records };
    if (records.every(isSqsRecord)) return { origin: "redrive", records };
  }
  throw new RecordError(
    "RECORD_MALFORMED",
    "the event has an unknown shape; expected a batch of DynamoDB stream records, or of SQS messages with dead letters",
  );
};

const decoded = (
  record: StreamRecord,
  envelope: Envelope | undefined,
  schema: StandardSchemaV1<unknown, unknown> | undefined,
): Received => {
  try {
    const change = decodeRecord(record, envelope === undefined ? "stream" : "redrive", schema);
    return { change, error: undefined, record, envelope };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { change: undefined, error, record, envelope };
  }
};

const noEnvelope = (found: string): Received => ({
  change: undefined,
  error: new RecordError("RECORD_MALFORMED", `an SQS message holds ${found}; expected a dead letter of this pipeline`),
  record: {},
  envelope: undefined,
});

/** Decodes the records of a recognised event, each by itself. */
export const receive = (
  { origin, records }: RecognisedEvent,
  pipeline: string,
  schema: StandardSchemaV1<unknown, unknown> | undefined,
): Received[] =>
  records.map((record) => {
    if (origin === "stream") return decoded(record as StreamRecord, undefined, schema);
    const envelope = decodeEnvelope((record as SqsRecord).body);
    if (envelope === undefined) return noEnvelope("no dead letter");
    if (envelope.pipeline !== pipeline) return noEnvelope("a dead letter of another pipeline");
    return decoded(envelope.record, envelope, schema);
  });
