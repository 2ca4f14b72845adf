// Turns an error of DynamoDB into an error code. `@sluice/core` knows the errors that all AWS services have.

import { type AwsService, awsRequestError, SinkError } from "@sluice/core/sink-kit";

/** Maps DynamoDB's error names to codes. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html (read 2026-11-23) */
const dynamodb: AwsService = {
  name: "DynamoDB",
  codes: {
    LimitExceeded: "SINK_THROTTLED", // control plane: too many tables are being created
    TransactionConflict: "SINK_CONFLICT", // another transaction holds the item
    ReplicatedWriteConflict: "SINK_CONFLICT", // a global table: another replica has a concurrent write
    ResourceInUse: "SINK_CONFLICT", // the table is being created or changed
    TransactionInProgress: "SINK_CONFLICT",
    ItemCollectionSizeLimitExceeded: "SINK_REJECTED", // a partition key with a local index has reached 10 GB
    Validation: "SINK_REJECTED",
    Serialization: "SINK_REJECTED",
    ResourceNotFound: "SINK_MISSING",
    TableNotFound: "SINK_MISSING",
  },
  // DynamoDB reports an item that is too large as ValidationException. Other ValidationExceptions have other texts.
  tooLarge: /item size (has exceeded|to update has exceeded)/i,
};

/** Whether the condition of a write failed: the target item already has the version to write, or a newer version. */
export const isConditionFailed = (error: unknown): boolean =>
  error instanceof Error && error.name === "ConditionalCheckFailedException";

/** Turns any error into the delivery's error, whose message contains no attribute values. */
export const classify = (sink: string, error: unknown): SinkError => {
  const classified = awsRequestError(sink, dynamodb, error);
  if (classified.code !== "SINK_TOO_LARGE" || classified === error) return classified;
  const message = `[${sink}] the item is larger than DynamoDB's limit of 400 KB, attribute names included`;
  return new SinkError(classified.code, message, { cause: classified.cause });
};
