// Recognises the kind of event that Lambda sent, and returns its records.

import { RecordError } from "../errors.ts";
import { pointerIn } from "./message-content.ts";

/**
 * A task that a program sends by invoking the function. The response contains the outcome of each message or record. A
 * redrive has messages. A backfill and a replay have stream records: those that a program made from items of the table,
 * or those that were archived.
 */
export interface Task {
  readonly task: "redrive" | "backfill" | "replay";
  /** If true, the pipeline writes to no sink. It returns the outcomes that the messages would have. */
  readonly dryRun?: boolean;
  /** Only for a backfill and a replay: the names of the routes that get the records. Default: all routes. */
  readonly routes?: readonly string[];
}

const taskNames: readonly unknown[] = ["redrive", "backfill", "replay"] satisfies readonly Task["task"][];

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
  if (taskNames.includes(sluice?.task)) return sluice;
  const expected = "expected sluice.task to be redrive, backfill or replay";
  throw new RecordError("RECORD_MALFORMED", `the event asks for an unknown task; ${expected}`);
};

/** Whether a task has records of this kind. Without a task, every kind is accepted. */
const fits = (task: Task | undefined, kind: RecognisedEvent["kind"]): boolean =>
  task === undefined || (kind === "stream") === (task.task !== "redrive");

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
    if (batch !== undefined && (records.length === 0 || fits(task, batch.kind))) {
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
