// Turns an error of DynamoDB into an error code. `@sluice/core` knows the errors that all AWS services have.

import {
  type AwsService,
  awsRequestError,
  outcomeOf,
  rejected,
  SinkError,
  type SinkErrorCode,
} from "@sluice/core/sink-kit";

/** Maps DynamoDB's error names to codes. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html (read 2026-11-23) */
const dynamodb: AwsService = {
  name: "DynamoDB",
  codes: {
    LimitExceeded: "SINK_THROTTLED", // control plane: too many tables are being created
    TransactionConflict: "SINK_CONFLICT", // another transaction holds the item
    ReplicatedWriteConflict: "SINK_CONFLICT", // a global table: another replica has a concurrent write
    TransactionInProgress: "SINK_CONFLICT",
    ResourceInUse: "SINK_UNAVAILABLE", // the table is being created or changed
    ItemCollectionSizeLimitExceeded: "SINK_REJECTED", // a partition key with a local index has reached 10 GB
    Validation: "SINK_REJECTED",
    Serialization: "SINK_REJECTED",
    ResourceNotFound: "SINK_MISSING",
    TableNotFound: "SINK_MISSING",
  },
  // DynamoDB reports an item that is too large as ValidationException. Other ValidationExceptions have other texts.
  tooLarge: /item size (has exceeded|to update has exceeded)/i,
};

/**
 * Beginnings of ValidationExceptions that concern the table. The sink takes keys from the table's description, so the
 * table now has another key. The patterns are anchored, because the end of a text may quote an item's values.
 * The last two are of DynamoDB Local.
 */
const otherKey =
  /^(One or more parameter values were invalid: (Missing the key |Type mismatch for key)|The provided key element does not match the schema|One of the required keys was not given a value|The number of conditions on the keys is invalid)/;

/** Whether the condition of a write failed: the target item already has the version to write, or a newer version. */
export const isConditionFailed = (error: unknown): boolean =>
  error instanceof Error && error.name === "ConditionalCheckFailedException";

const textOf = (error: unknown): string => (error instanceof Error ? error.message : "");

const nameOf = ({ cause }: SinkError): string => (cause instanceof Error ? cause.name : "");

/**
 * Corrects core's code. A request can be refused for the item only by an error in `codes`. Any other refusal, for
 * example that the table's KMS key is disabled, concerns the table: every item would be refused.
 */
const codeOf = (error: unknown, { code }: SinkError, name: string): SinkErrorCode => {
  if (name === "Validation" && otherKey.test(textOf(error))) return "SINK_MISSING";
  if (code !== "SINK_REJECTED" || Object.hasOwn(dynamodb.codes, name)) return code;
  return name.startsWith("KMS") ? "SINK_DENIED" : "SINK_UNAVAILABLE";
};

/**
 * The index and its attribute in an error about an index key: DynamoDB refuses an item whose attribute has another type
 * than the index' key, or is empty. The names are of the table, and no values.
 */
const indexKey = [
  /Type mismatch for Index Key (?<attribute>.{1,255}) Expected: (?<type>[SNB]) Actual: \w+ IndexName: (?<index>[\w.-]{3,255})/,
  /cannot contain an empty \w+ value\. IndexName: (?<index>[\w.-]{3,255}), IndexKey: (?<attribute>.{1,255})$/,
];

/** Says which attribute does not fit a secondary index; undefined for another error. */
const indexProblem = (error: unknown): string | undefined => {
  // DynamoDB Local names neither the index nor the attribute.
  if (textOf(error).endsWith("Type mismatch for Index Key")) {
    return "an attribute has another type than the key of a secondary index; expected the type of the key, or no such attribute";
  }
  const found = indexKey.map((pattern) => pattern.exec(textOf(error))?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return undefined;
  const { attribute, index, type } = found;
  const expected = type === undefined ? "a value that is not empty" : `the type ${type}`;
  return `the message at ${attribute}: found a value that the index ${index} refuses as its key; expected ${expected}, or no such attribute`;
};

const messageOf = (sink: string, { message }: SinkError, code: SinkErrorCode, name: string): string => {
  if (code === "SINK_TOO_LARGE")
    return `[${sink}] the item is larger than DynamoDB's limit of 400 KB, attribute names included`;
  return code === "SINK_MISSING" && name === "Validation"
    ? `[${sink}] the table has another key schema than its description had when the sink read it`
    : message;
};

/** Turns any error into the delivery's error, whose message contains no attribute values. */
export const classify = (sink: string, error: unknown): SinkError => {
  const classified = awsRequestError(sink, dynamodb, error);
  if (classified === error) return classified;
  const name = nameOf(classified);
  const code = codeOf(error, classified, name);
  const { cause } = classified;
  const problem = name === "Validation" && code === "SINK_REJECTED" ? indexProblem(error) : undefined;
  if (problem !== undefined) return rejected(sink, problem, { cause });
  return new SinkError(code, messageOf(sink, classified, code, name), { cause });
};

/** Turns an error of a request that concerns the whole table into an error that no delivery is rejected for. */
export const classifyForTable = (sink: string, error: unknown): SinkError => {
  const classified = classify(sink, error);
  if (outcomeOf(classified.code) === "retry") return classified;
  return new SinkError("SINK_MISSING", classified.message, { cause: classified.cause });
};
