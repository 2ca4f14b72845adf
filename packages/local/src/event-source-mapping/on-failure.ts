// The destination of discarded records, and the invocation record that Lambda sends to the destination.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html, read 2026-11

import type { BatchPointer } from "@sluice/core/envelope";

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
  /** Absent for RecordAgeExceeded. `functionError` is null if the function reported the failure in its response. */
  readonly responseContext?: {
    readonly statusCode: number;
    readonly executedVersion: string;
    readonly functionError: "Unhandled" | null;
  };
  readonly version: "1.0";
  /** ISO 8601 with milliseconds. */
  readonly timestamp: string;
  /** Pointer to the records in the stream. The stream stores records for 24 hours. Times are ISO 8601 with seconds. */
  readonly DDBStreamBatchInfo: Required<BatchPointer>;
  /** The whole event as JSON text. Only batches for `s3` have a payload. */
  readonly payload?: string;
}

/** Destination of discarded batches. */
export interface OnFailureDestination {
  /** `sqs` and `sns` get a pointer into the stream; `s3` gets the event itself. */
  readonly kind: "sqs" | "sns" | "s3";
  /** Sends a discarded batch. `key` is the S3 key that Lambda would use. If `send` rejects, the batch is lost. */
  readonly send: (batch: DiscardedBatch, place: { readonly key: string }) => Promise<unknown>;
}
