// Turns errors of AWS services into SinkErrors. Each sink has a table of codes for its service. This file has the codes
// that all services share. Most error texts are withheld, because they may quote values.

import { SinkError, type SinkErrorCode } from "../errors.ts";
import { codeOfStatus } from "./sink-error.ts";

/** Maps a service's error names to our error codes. The names have no prefix and no final `Exception`. */
export type AwsErrorCodes = Readonly<Record<string, SinkErrorCode>>;

/** An AWS service, and the codes of its errors. */
export interface AwsService {
  /** How error messages name the service, for example `SNS`. */
  readonly name: string;
  readonly codes: AwsErrorCodes;
  /** An error whose text matches this pattern becomes SINK_TOO_LARGE, whatever its name. */
  readonly tooLarge?: RegExp;
}

/** A failed entry in the answer to a batch request. */
export interface AwsEntryFailure {
  readonly code: string | undefined;
  readonly message?: string | undefined;
  /** Whether the sender is at fault. If the service does not report this, an entry with an unknown code is retried. */
  readonly isSenderFault?: boolean | undefined;
}

/** Codes that services have in common. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html (read 2026-11-23) */
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
  InvalidSignature: "SINK_DENIED", // a wrong secret key, or a clock that is wrong
  MissingAuthenticationToken: "SINK_DENIED",
  NotAuthorized: "SINK_DENIED",
  OptInRequired: "SINK_DENIED",
  RequestExpired: "SINK_DENIED",
  SignatureDoesNotMatch: "SINK_DENIED",
  TokenProviderError: "SINK_DENIED",
  UnrecognizedClient: "SINK_DENIED",
};

/** Codes whose errors quote neither messages nor signatures. The SinkError has the same text, and the error as `cause`. */
const plainCodes: ReadonlySet<SinkErrorCode> = new Set([
  "SINK_THROTTLED",
  "SINK_UNAVAILABLE",
  "SINK_TIMEOUT",
  "SINK_MISSING",
]);

/** Errors whose text is passed on. The text names caller, operation and resource, which helps to fix permissions. */
const plainNames: ReadonlySet<string> = new Set(["AccessDenied", "AuthorizationError", "CredentialsProviderError"]);

/** Returns the name as the tables spell it, without a prefix such as `AWS.SimpleQueueService.`. */
const bareName = (name: string): string => name.replace(/^.*[.#]/, "").replace(/(?<=.)Exception$/, "");

/** The fields of any thrown value. */
const fieldsOf = (error: unknown) => {
  if (!(error instanceof Error)) return { name: "an error without a name", message: "", status: undefined };
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
  // Node's AggregateError has a code but no message. It can occur if a host has several addresses.
  const message = error.message || String((error as NodeJS.ErrnoException).code ?? "an error without a message");
  return { name: bareName(error.name), message, status: $metadata?.httpStatusCode };
};

type ErrorFields = ReturnType<typeof fieldsOf>;

const knownCode = ({ codes, tooLarge }: AwsService, { name, message }: ErrorFields): SinkErrorCode | undefined =>
  tooLarge?.test(message) ? "SINK_TOO_LARGE" : (codes[name] ?? commonCodes[name]);

/** Names of errors for an answer that the SDK could not read. The text may quote the answer, which may quote values. */
const unreadableNames: ReadonlySet<string> = new Set(["SyntaxError", "TypeError", "RangeError", "Error"]);

const isPlain = (code: SinkErrorCode, { name, status }: ErrorFields): boolean => {
  const isUnreadable = status !== undefined && unreadableNames.has(name);
  return !isUnreadable && (plainCodes.has(code) || plainNames.has(name));
};

const messageOf = (sink: string, service: AwsService, code: SinkErrorCode, fields: ErrorFields): string => {
  const answer = `[${sink}] ${service.name} answered ${fields.name}`;
  if (isPlain(code, fields)) return `${answer}: ${fields.message}`;
  if (code === "SINK_DENIED") return `${answer}; expected valid credentials and permissions`;
  return `${answer}; its text is withheld because it may quote values`;
};

const errorOf = (sink: string, service: AwsService, code: SinkErrorCode, fields: ErrorFields, error?: unknown) => {
  const withheld = Object.assign(new Error(fields.name), { name: fields.name, status: fields.status });
  const cause = error !== undefined && isPlain(code, fields) ? error : withheld;
  return new SinkError(code, messageOf(sink, service, code, fields), { cause });
};

/** Turns the SDK's error for a request into a SinkError. The SDK's error is the cause only if it quotes no values. */
export const awsRequestError = (sink: string, service: AwsService, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const fields = fieldsOf(error);
  // If an error has no status, no answer arrived. Such an error counts as a 503.
  const known = knownCode(service, fields) ?? codeOfStatus(fields.status ?? 503);
  return errorOf(sink, service, known, fields, error);
};

/** Creates the error for a failed entry. The code depends on the error's name or, if unknown, on `isSenderFault`. */
export const awsEntryError = (sink: string, service: AwsService, failure: AwsEntryFailure): SinkError => {
  const { code = "an error without a name", message = "", isSenderFault = false } = failure;
  const fields = { name: bareName(code), message, status: undefined };
  const known = knownCode(service, fields) ?? (isSenderFault ? "SINK_REJECTED" : "SINK_UNAVAILABLE");
  return errorOf(sink, service, known, fields);
};
