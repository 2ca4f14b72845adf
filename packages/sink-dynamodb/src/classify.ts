// From an error of DynamoDB to an error code. Core knows the errors that all AWS services share.

import { type AwsService, awsRequestError, SinkError } from "@sluice/core/sink-kit";

/** DynamoDB, by the names of its errors. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html (read 2026-11-23) */
const dynamodb: AwsService = {
  name: "DynamoDB",
  codes: {
    LimitExceeded: "SINK_THROTTLED", // control plane: too many tables are being created
    TransactionConflict: "SINK_CONFLICT", // another transaction holds the item
    ReplicatedWriteConflict: "SINK_CONFLICT", // a global table with strong consistency
    ResourceInUse: "SINK_CONFLICT", // the table is being created or changed
    TransactionInProgress: "SINK_CONFLICT",
    ItemCollectionSizeLimitExceeded: "SINK_REJECTED", // 10 GB of one partition key, with a local index
    Validation: "SINK_REJECTED",
    Serialization: "SINK_REJECTED",
    ResourceNotFound: "SINK_MISSING",
    TableNotFound: "SINK_MISSING",
  },
  // A validation error with this text. Nothing else distinguishes the error.
  tooLarge: /item size (has exceeded|to update has exceeded)/i,
};

/** Whether the target holds this version or a newer one. */
export const isConditionFailed = (error: unknown): boolean =>
  error instanceof Error && error.name === "ConditionalCheckFailedException";

/** The error for a delivery, without values. */
export const classify = (sink: string, error: unknown): SinkError => {
  const classified = awsRequestError(sink, dynamodb, error);
  if (classified.code !== "SINK_TOO_LARGE" || classified === error) return classified;
  const message = `[${sink}] the item is larger than DynamoDB's limit of 400 KB, attribute names included`;
  return new SinkError(classified.code, message, { cause: classified.cause });
};
