// Turns errors of DynamoDB and S3 into SourceErrors. The messages have no item values.

import { type AwsService, awsRequestError, isTransient, type SinkErrorCode } from "@sluice/core/sink-kit";
import { SourceError } from "./source.ts";

const dynamodb: AwsService = {
  name: "DynamoDB",
  codes: { ResourceNotFound: "SINK_MISSING", LimitExceeded: "SINK_THROTTLED" },
};

const s3: AwsService = {
  name: "S3",
  codes: { NoSuchBucket: "SINK_MISSING", NoSuchKey: "SINK_MISSING", NotFound: "SINK_MISSING" },
};

/** Why a request to a source failed. */
export interface SourceFailure {
  readonly error: SourceError;
  readonly isThrottled: boolean;
  /** Whether the table, the bucket or the object does not exist. */
  readonly isMissing: boolean;
  readonly isDenied: boolean;
}

const advice = (code: SinkErrorCode, missing: string, permissions: string): string => {
  if (code === "SINK_MISSING") return `; expected ${missing}`;
  return code === "SINK_DENIED" ? `; expected valid credentials with ${permissions}` : "";
};

/** Errors of the source itself are permanent: the same bytes would give the same error. */
const ownFailure = (error: SourceError): SourceFailure => ({
  error,
  isThrottled: false,
  isMissing: false,
  isDenied: false,
});

const failureOf = (
  place: string,
  service: AwsService,
  error: unknown,
  missing: string,
  permissions: string,
): SourceFailure => {
  if (error instanceof SourceError) return ownFailure(error);
  const failure = awsRequestError(place, service, error);
  const { code } = failure;
  const message = `${failure.message}${advice(code, missing, permissions)}`;
  return {
    error: new SourceError(message, { isTransient: isTransient(code), cause: failure.cause }),
    isThrottled: code === "SINK_THROTTLED",
    isMissing: code === "SINK_MISSING",
    isDenied: code === "SINK_DENIED",
  };
};

/** Describes the error of a request to a table. */
export const tableFailure = (table: string, error: unknown): SourceFailure =>
  failureOf(
    `table ${table}`,
    dynamodb,
    error,
    "the name of a table in this account and region",
    "dynamodb:Scan and dynamodb:DescribeTable",
  );

/** Describes the error of a request for an object. */
export const objectFailure = (address: string, error: unknown): SourceFailure =>
  failureOf(address, s3, error, "an object at this address", "s3:GetObject");
