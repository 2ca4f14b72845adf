// The invocation record that Lambda sends to an on-failure destination for discarded records.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html, read 2026-11

import { randomUUID } from "node:crypto";
import type { BatchPointer } from "@sluice/core/envelope";
import { eventText } from "../lambda/batch.ts";
import type { PolledRecord } from "./polled-record.ts";

/** Why records were discarded. */
export type DiscardCondition = "RetryAttemptsExhausted" | "RecordAgeExceeded";

/** The invocation record of a discarded batch. */
export interface DiscardedBatch {
  readonly requestContext: {
    readonly requestId: string;
    readonly functionArn: string;
    readonly condition: DiscardCondition;
    readonly approximateInvokeCount: number;
  };
  /** Absent for RecordAgeExceeded. `functionError` is null when the function reported the failure in its response. */
  readonly responseContext?: {
    readonly statusCode: number;
    readonly executedVersion: string;
    readonly functionError: "Unhandled" | null;
  };
  readonly version: "1.0";
  /** ISO 8601 with milliseconds. */
  readonly timestamp: string;
  /** A pointer into the stream, which keeps the records for 24 hours only. The times are ISO 8601 with seconds. */
  readonly DDBStreamBatchInfo: Required<BatchPointer>;
  /** The whole event as JSON text; for `s3` only. */
  readonly payload?: string;
}

/** Destination of discarded batches. */
export interface OnFailureDestination {
  /** `sqs` and `sns` get a pointer into the stream; `s3` gets the event itself. */
  readonly kind: "sqs" | "sns" | "s3";
  /**
   * Sends one discarded batch. `key` is the key that Lambda would give the S3 object. A rejection drops the batch, as on
   * AWS.
   */
  readonly send: (batch: DiscardedBatch, place: { readonly key: string }) => Promise<unknown>;
}

/** A batch at the time of its discard. */
export interface Discard {
  readonly records: readonly [PolledRecord, ...PolledRecord[]];
  readonly condition: DiscardCondition;
  readonly invokeCount: number;
  readonly requestId: string | undefined;
  readonly functionError: "Unhandled" | null;
  readonly shardId: string;
  readonly streamArn: string;
  readonly functionArn: string;
  readonly nowMs: number;
}

const toSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");

const batchInfo = (discard: Discard): DiscardedBatch["DDBStreamBatchInfo"] => {
  const { records, shardId, streamArn } = discard;
  const first = records[0];
  const last = records.at(-1) ?? first;
  return {
    shardId,
    startSequenceNumber: first.sequenceNumber,
    endSequenceNumber: last.sequenceNumber,
    approximateArrivalOfFirstRecord: toSeconds(first.createdAtMs),
    approximateArrivalOfLastRecord: toSeconds(last.createdAtMs),
    batchSize: records.length,
    streamArn,
  };
};

/** The invocation record for this kind of destination. */
export const discardedBatch = (discard: Discard, kind: OnFailureDestination["kind"]): DiscardedBatch => {
  const { condition, functionError } = discard;
  const responseContext = { statusCode: 200, executedVersion: "$LATEST", functionError };
  return {
    requestContext: {
      requestId: discard.requestId ?? randomUUID(),
      functionArn: discard.functionArn,
      condition,
      approximateInvokeCount: discard.invokeCount,
    },
    ...(condition === "RetryAttemptsExhausted" ? { responseContext } : {}),
    version: "1.0",
    timestamp: new Date(discard.nowMs).toISOString(),
    DDBStreamBatchInfo: batchInfo(discard),
    ...(kind === "s3" ? { payload: eventText(discard.records) } : {}),
  };
};

/** Key of the S3 object: `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>` */
export const objectKey = (mappingId: string, shardId: string, nowMs: number): string => {
  const [day = "", time = ""] = new Date(nowMs).toISOString().slice(0, 19).split("T");
  const place = `aws/lambda/${mappingId}/${shardId}/${day.replaceAll("-", "/")}`;
  return `${place}/${day}T${time.replaceAll(":", ".")}-${randomUUID()}`;
};
