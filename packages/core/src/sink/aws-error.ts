// From what an AWS service answers to an error without values. Each sink brings the table of its service; what all
// services have in common is here. Texts of errors may quote values, so that few of them are passed on.

import { SinkError, type SinkErrorCode } from "../errors.ts";

/** Codes by the service's own names, without their prefix and without `Exception` at their end. */
export type AwsErrorCodes = Readonly<Record<string, SinkErrorCode>>;

/** Who answers, and what its errors mean. */
export interface AwsService {
  /** As people write it: `SNS`. */
  readonly name: string;
  readonly codes: AwsErrorCodes;
  /** Errors whose text matches are SINK_TOO_LARGE, whatever their name. */
  readonly tooLarge?: RegExp;
}

/** What a batch answer says of an entry that was not taken. */
export interface AwsEntryFailure {
  readonly code: string | undefined;
  readonly message?: string | undefined;
  /** Whether the service blames the sender; undefined where it does not say: then what is unknown comes again. */
  readonly isSenderFault?: boolean | undefined;
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html (read 2026-11-23) */
const commonCodes: AwsErrorCodes = {
  ProvisionedThroughputExceeded: "SINK_THROTTLED",
  RequestLimitExceeded: "SINK_THROTTLED",
  RequestThrottled: "SINK_THROTTLED",
  SlowDown: "SINK_THROTTLED",
  Throttled: "SINK_THROTTLED",
  Throttling: "SINK_THROTTLED",
  ThrottlingError: "SINK_THROTTLED",
  TooManyRequests: "SINK_THROTTLED",
  AbortError: "SINK_TIMEOUT",
  TimeoutError: "SINK_TIMEOUT",
  InternalError: "SINK_UNAVAILABLE",
  InternalFailure: "SINK_UNAVAILABLE",
  Internal: "SINK_UNAVAILABLE",
  InternalServerError: "SINK_UNAVAILABLE",
  ServiceUnavailable: "SINK_UNAVAILABLE",
  AccessDenied: "SINK_DENIED",
  AuthorizationError: "SINK_DENIED",
  CredentialsProviderError: "SINK_DENIED",
  ExpiredToken: "SINK_DENIED",
  IncompleteSignature: "SINK_DENIED",
  InvalidClientTokenId: "SINK_DENIED",
  InvalidSecurity: "SINK_DENIED",
  InvalidSignature: "SINK_DENIED", // a wrong secret, or a clock that is off
  MissingAuthenticationToken: "SINK_DENIED",
  NotAuthorized: "SINK_DENIED",
  OptInRequired: "SINK_DENIED",
  RequestExpired: "SINK_DENIED",
  SignatureDoesNotMatch: "SINK_DENIED",
  TokenProviderError: "SINK_DENIED",
  UnrecognizedClient: "SINK_DENIED",
};

/** Codes whose errors carry no message and no signature: their text is passed on, and they are the cause. */
const plainCodes: ReadonlySet<SinkErrorCode> = new Set([
  "SINK_THROTTLED",
  "SINK_UNAVAILABLE",
  "SINK_TIMEOUT",
  "SINK_MISSING",
]);

/** They name the caller, the operation and the resource, which is what one has to know to repair the permission. */
const plainNames: ReadonlySet<string> = new Set(["AccessDenied", "AuthorizationError", "CredentialsProviderError"]);

interface Fields {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
}

/** `AWS.SimpleQueueService.NonExistentQueue` and `com.amazonaws.sqs#QueueDoesNotExist` end in what the tables have. */
const bareName = (name: string): string => name.replace(/^.*[.#]/, "").replace(/(?<=.)Exception$/, "");

/** What was thrown may be anything. */
const fieldsOf = (error: unknown): Fields => {
  if (!(error instanceof Error)) return { name: "an error without a name", message: "", status: undefined };
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
  // Node's AggregateError, from a host with several addresses, has a code and no message.
  const message = error.message || String((error as NodeJS.ErrnoException).code ?? "an error without a message");
  return { name: bareName(error.name), message, status: $metadata?.httpStatusCode };
};

/** An unknown name: by status, and without one the request never got an answer. */
const codeOfStatus = (status: number | undefined): SinkErrorCode => {
  if (status === 413) return "SINK_TOO_LARGE";
  if (status === 429) return "SINK_THROTTLED";
  if (status === 401 || status === 403) return "SINK_DENIED";
  return status !== undefined && status >= 400 && status < 500 ? "SINK_REJECTED" : "SINK_UNAVAILABLE";
};

const knownCode = ({ codes, tooLarge }: AwsService, { name, message }: Fields): SinkErrorCode | undefined =>
  tooLarge?.test(message) ? "SINK_TOO_LARGE" : (codes[name] ?? commonCodes[name]);

const told = (sink: string, service: AwsService, code: SinkErrorCode, fields: Fields): string => {
  const answer = `[${sink}] ${service.name} answered ${fields.name}`;
  if (plainCodes.has(code) || plainNames.has(fields.name)) return `${answer}: ${fields.message}`;
  if (code === "SINK_DENIED") return `${answer}; expected valid credentials and permissions`;
  return `${answer}; its text is withheld because it may quote values`;
};

const isPlain = (code: SinkErrorCode, { name }: Fields): boolean => plainCodes.has(code) || plainNames.has(name);

const errorOf = (sink: string, service: AwsService, code: SinkErrorCode, fields: Fields, error?: unknown) => {
  const withheld = Object.assign(new Error(fields.name), { name: fields.name, status: fields.status });
  const cause = error !== undefined && isPlain(code, fields) ? error : withheld;
  return new SinkError(code, told(sink, service, code, fields), { cause });
};

/** The error for a request that the SDK rejected. `cause` is the SDK's own error only where that can hold no value. */
export const awsRequestError = (sink: string, service: AwsService, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const fields = fieldsOf(error);
  return errorOf(sink, service, knownCode(service, fields) ?? codeOfStatus(fields.status), fields, error);
};

/** The error for one entry of a request that was answered. Its own name decides, and else whose fault it is. */
export const awsEntryError = (sink: string, service: AwsService, failure: AwsEntryFailure): SinkError => {
  const { code = "an error without a name", message = "", isSenderFault = false } = failure;
  const fields = { name: bareName(code), message, status: undefined };
  const known = knownCode(service, fields) ?? (isSenderFault ? "SINK_REJECTED" : "SINK_UNAVAILABLE");
  return errorOf(sink, service, known, fields);
};
