// Recognises the kind of event that Lambda sent, and returns its records.

import { RecordError } from "../errors.ts";
import { pointerIn } from "./message-content.ts";

/** A task that a program sends by invoking the function. The response contains the outcome of each message. */
export interface Task {
  readonly task: "redrive";
  /** If true, the pipeline writes to no sink. It returns the outcomes that the messages would have. */
  readonly dryRun?: boolean;
}

/** A recognised event. */
export interface RecognisedEvent {
  readonly kind: "stream" | "queue" | "notification";
  /** The entries of the event, such as stream records or SQS messages. */
  readonly records: readonly unknown[];
  readonly task: Task | undefined;
  /** Whether EventBridge Pipes sent the event. Then the response names failed records by other identifiers. */
  readonly isFromPipe?: true;
}

/** The members of an SQS message that core reads. */
export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
  readonly receiptHandle?: string;
  readonly eventSourceARN?: string;
  readonly attributes?: {
    readonly ApproximateReceiveCount?: string;
    readonly MessageGroupId?: string;
    readonly SentTimestamp?: string;
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isQueueRecord = (record: unknown): record is QueueRecord =>
  isObject(record) && "body" in record && "messageId" in record;

const isStreamRecord = (record: unknown): boolean =>
  isObject(record) && ("dynamodb" in record || record.eventSource === "aws:dynamodb");

/** Whether a record is from SNS or S3. Both call Lambda asynchronously, so Lambda cannot retry a single record. */
const isNotification = (record: unknown): boolean => isObject(record) && ("Sns" in record || "s3" in record);

const taskIn = (event: unknown): Task | undefined => {
  const { sluice } = (event ?? {}) as { readonly sluice?: Task };
  if (sluice === undefined) return undefined;
  if (sluice.task === "redrive") return sluice;
  throw new RecordError("RECORD_MALFORMED", "the event asks for an unknown task; expected sluice.task to be redrive");
};

/** Returns the records of a batch, and their kind. Undefined if they are no batch of a stream or a queue. */
const batchOf = (records: readonly unknown[]): Pick<RecognisedEvent, "kind" | "records"> | undefined => {
  if (records.every(isQueueRecord)) return { kind: "queue", records };
  return records.every(isStreamRecord) ? { kind: "stream", records } : undefined;
};

/**
 * Returns the kind and the records of an event that the handler accepts.
 * @throws {RecordError} RECORD_MALFORMED for any other event, because a successful response would lose its records.
 */
export const recognise = (event: unknown): RecognisedEvent => {
  const task = taskIn(event);
  // EventBridge Pipes sends the records without an object around them.
  const isFromPipe = Array.isArray(event);
  const records = isFromPipe ? event : (event as { Records?: unknown } | null | undefined)?.Records;
  if (Array.isArray(records)) {
    const batch = batchOf(records);
    if (batch?.kind === "queue" || (batch !== undefined && task === undefined)) {
      return { ...batch, task, ...(isFromPipe && { isFromPipe }) };
    }
    if (task === undefined && records.every(isNotification)) return { kind: "notification", records, task };
  }
  if (pointerIn(event ?? {}) !== undefined) return { kind: "notification", records: [event], task };
  throw new RecordError(
    "RECORD_MALFORMED",
    "the event has an unknown shape; expected a batch of DynamoDB stream records, of SQS messages with envelopes, or of what Lambda sends to an on-failure destination",
  );
};
