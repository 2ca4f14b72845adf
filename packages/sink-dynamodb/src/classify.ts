// From what the SDK throws to an error code, in one table by error name. A validation error's text may quote values, so
// of such an error nothing is passed on but its name.

import { SinkError, type SinkErrorCode } from "@sluice/core";

/** Error names to codes. @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html (read 2026-11-23) */
const names: Readonly<Record<string, SinkErrorCode>> = {
  ProvisionedThroughputExceededException: "SINK_THROTTLED",
  RequestLimitExceeded: "SINK_THROTTLED",
  Throttling: "SINK_THROTTLED",
  ThrottlingException: "SINK_THROTTLED",
  ThrottledException: "SINK_THROTTLED",
  TooManyRequestsException: "SINK_THROTTLED",
  LimitExceededException: "SINK_THROTTLED", // control plane: too many tables being made
  TransactionConflictException: "SINK_CONFLICT", // somebody else's transaction holds the item
  ReplicatedWriteConflictException: "SINK_CONFLICT", // a global table with strong consistency
  ResourceInUseException: "SINK_CONFLICT", // the table is being made or changed
  TransactionInProgressException: "SINK_CONFLICT",
  ItemCollectionSizeLimitExceededException: "SINK_REJECTED", // 10 GB of one partition key, with a local index
  ValidationException: "SINK_REJECTED",
  SerializationException: "SINK_REJECTED",
  ResourceNotFoundException: "SINK_MISSING",
  TableNotFoundException: "SINK_MISSING",
  AccessDeniedException: "SINK_DENIED",
  CredentialsProviderError: "SINK_DENIED",
  ExpiredToken: "SINK_DENIED",
  ExpiredTokenException: "SINK_DENIED",
  IncompleteSignatureException: "SINK_DENIED",
  InvalidClientTokenId: "SINK_DENIED",
  InvalidSignatureException: "SINK_DENIED", // a wrong secret, or a clock that is off
  MissingAuthenticationTokenException: "SINK_DENIED",
  NotAuthorized: "SINK_DENIED",
  OptInRequired: "SINK_DENIED",
  RequestExpired: "SINK_DENIED",
  TokenProviderError: "SINK_DENIED",
  UnrecognizedClientException: "SINK_DENIED",
  InternalServerError: "SINK_UNAVAILABLE",
  ServiceUnavailable: "SINK_UNAVAILABLE",
  ServiceUnavailableException: "SINK_UNAVAILABLE",
  AbortError: "SINK_TIMEOUT",
  TimeoutError: "SINK_TIMEOUT",
};

/** Codes whose errors carry no item and no signature: their text is passed on, and they are the cause. */
const plainCodes: ReadonlySet<SinkErrorCode> = new Set([
  "SINK_THROTTLED",
  "SINK_UNAVAILABLE",
  "SINK_MISSING",
  "SINK_TIMEOUT",
]);

/** They name the caller, the operation and the resource, which is what one has to know to repair the permission. */
const plainNames: ReadonlySet<string> = new Set(["AccessDeniedException", "CredentialsProviderError"]);

const isPlain = (code: SinkErrorCode, { name }: Fields): boolean => plainCodes.has(code) || plainNames.has(name);

interface Fields {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
}

/** What was thrown may be anything. */
const fieldsOf = (error: unknown): Fields => {
  const metadata = (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata;
  if (!(error instanceof Error)) return { name: "an error without a name", message: "", status: undefined };
  // Node's AggregateError, from a host with several addresses, has a code and no message.
  const message = error.message || String((error as NodeJS.ErrnoException).code ?? "an error without a message");
  return { name: error.name, message, status: metadata?.httpStatusCode };
};

/** An unknown name: by status, and without one the request never got an answer. */
const codeOfStatus = (status: number | undefined): SinkErrorCode => {
  if (status === 429) return "SINK_THROTTLED";
  if (status === 401 || status === 403) return "SINK_DENIED";
  return status !== undefined && status >= 400 && status < 500 ? "SINK_REJECTED" : "SINK_UNAVAILABLE";
};

/** An item over 400 KB is a validation error of that text: nothing else tells it apart. */
const isTooLarge = ({ name, message }: Fields): boolean =>
  name === "ValidationException" && /item size (has exceeded|to update has exceeded)/i.test(message);

const codeOfFields = (fields: Fields): SinkErrorCode =>
  isTooLarge(fields) ? "SINK_TOO_LARGE" : (names[fields.name] ?? codeOfStatus(fields.status));

/** The code for an error that the SDK threw. */
export const codeOf = (error: unknown): SinkErrorCode => codeOfFields(fieldsOf(error));

/** Whether the target holds this version or a newer one. */
export const isConditionFailed = (error: unknown): boolean =>
  fieldsOf(error).name === "ConditionalCheckFailedException";

const told = (code: SinkErrorCode, fields: Fields): string => {
  if (code === "SINK_TOO_LARGE") return "the item is larger than DynamoDB's limit of 400 KB, attribute names included";
  if (isPlain(code, fields)) return `${fields.name}: ${fields.message}`;
  if (code === "SINK_DENIED") return `DynamoDB answered ${fields.name}; expected valid credentials`;
  return `DynamoDB answered ${fields.name}; its text is withheld because it may quote values`;
};

/** The error for a delivery, without values. `cause` is the SDK's own error only where that can hold none. */
export const classify = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const fields = fieldsOf(error);
  const code = codeOfFields(fields);
  const cause = isPlain(code, fields)
    ? error
    : Object.assign(new Error(fields.name), { name: fields.name, status: fields.status });
  return new SinkError(code, `[${sink}] ${told(code, fields)}`, { cause });
};
