// Recognises what Lambda was called with, and decodes it into entries for the routes.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Envelope } from "../envelope/envelope.ts";
import { RecordError } from "../errors.ts";
import type { Change, Origin, StreamRecord } from "../record/change.ts";
import { decodeRecord } from "../record/record.ts";
import { pointerIn } from "./on-failure-destination.ts";

/** One record of the event: the change in it, or why there is none. */
export interface Received {
  readonly change: Change<unknown> | undefined;
  readonly error: RecordError | undefined;
  /** The stream record, for a dead letter. */
  readonly record: StreamRecord;
  /** The envelope that it came in; its `sink` is the one route that it goes to, where that can be read. */
  readonly envelope: Envelope | undefined;
  /** Position of the event's own record that brought it. */
  readonly source: number;
  /** Why that record must stay where it is, and nothing is delivered of it. */
  readonly unread?: Error;
}

/** What a caller that is no event source asks for, and is answered with the outcome of each message. */
export interface Task {
  readonly task: "redrive";
  /** Nothing is written: the outcomes are what would become of the messages. */
  readonly dryRun?: boolean;
}

/** A recognised event. */
export interface RecognisedEvent {
  readonly kind: "stream" | "queue" | "notification";
  /** The event's own records, as Powertools reports them. */
  readonly records: readonly unknown[];
  readonly task: Task | undefined;
}

/** An event, and what of its kind core needs to know. */
export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
  readonly receiptHandle?: string;
  readonly eventSourceARN?: string;
  readonly attributes?: { readonly ApproximateReceiveCount?: string };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isQueueRecord = (record: unknown): record is QueueRecord =>
  isObject(record) && "body" in record && "messageId" in record;

const isStreamRecord = (record: unknown): boolean =>
  isObject(record) && ("dynamodb" in record || record.eventSource === "aws:dynamodb");

/** A notification of SNS or S3. Lambda is called asynchronously by them, and hears of no single record. */
const isNotification = (record: unknown): boolean => isObject(record) && ("Sns" in record || "s3" in record);

const taskIn = (event: unknown): Task | undefined => {
  const { sluice } = (event ?? {}) as { readonly sluice?: Task };
  if (sluice === undefined) return undefined;
  if (sluice.task === "redrive") return sluice;
  throw new RecordError("RECORD_MALFORMED", "the event asks for an unknown task; expected sluice.task to be redrive");
};

/**
 * The kind and records of an event that the handler accepts.
 * @throws {RecordError} RECORD_MALFORMED for any other: an empty success would lose what it held.
 */
export const recognise = (event: unknown): RecognisedEvent => {
  const task = taskIn(event);
  const records = (event as { Records?: unknown } | null | undefined)?.Records;
  if (Array.isArray(records)) {
    if (records.every(isQueueRecord)) return { kind: "queue", records, task };
    if (task === undefined && records.every(isStreamRecord)) return { kind: "stream", records, task };
    if (task === undefined && records.every(isNotification)) return { kind: "notification", records, task };
  }
  if (pointerIn(event) !== undefined) return { kind: "notification", records: [event], task };
  throw new RecordError(
    "RECORD_MALFORMED",
    "the event has an unknown shape; expected a batch of DynamoDB stream records, of SQS messages with envelopes, or of what Lambda sends to an on-failure destination",
  );
};

/** Where a record came from. */
export interface Arrival {
  readonly source: number;
  readonly origin: Origin;
  readonly envelope: Envelope | undefined;
}

/** Decodes a record, each by itself. */
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
