// Turns errors of OpenSearch and of its client into error codes, by tables. Reasons quote values ("Preview of field's
// value: …"), so only the error's type and a field's name are passed on.

import {
  codeOfStatus,
  errorHint,
  isRecord,
  SinkError,
  type SinkErrorCode,
  type StatusCodes,
} from "@sluice/core/sink-kit";

/** The members of a server error that the sink reads. `filter_path` excludes the others. */
export interface ServerError {
  readonly type?: string;
  readonly reason?: string;
  readonly caused_by?: { readonly type?: string };
}

/** One item of a bulk answer. */
export interface BulkItem {
  readonly status: number;
  readonly result?: string;
  readonly _seq_no?: number;
  readonly _primary_term?: number;
  readonly error?: ServerError;
}

/** Statuses that mean something else for OpenSearch than for other targets. @see https://docs.opensearch.org/latest/api-reference/document-apis/bulk/ (read 2026-11-23) */
const statuses: StatusCodes = { 404: "SINK_MISSING", 405: "SINK_MISSING", 406: "SINK_MISSING", 409: "SINK_CONFLICT" };

/** Codes by type of error, for types that are more precise than their status. */
const types: Readonly<Record<string, SinkErrorCode>> = {
  circuit_breaking_exception: "SINK_THROTTLED", // out of memory, or too many script compilations
  es_rejected_execution_exception: "SINK_THROTTLED",
  opensearch_rejected_execution_exception: "SINK_THROTTLED",
  rejected_execution_exception: "SINK_THROTTLED",
  index_not_found_exception: "SINK_MISSING",
  index_closed_exception: "SINK_UNAVAILABLE",
  security_exception: "SINK_DENIED",
};

/** The error type for an index that is read-only, because of a full disk or maintenance. Its status may be 403. */
const blocked = "cluster_block_exception";

/** Codes by reason, for errors of the alias, the mapping or the cluster that have the status of a bad document. */
const reasons: readonly (readonly [text: RegExp, code: SinkErrorCode])[] = [
  [/^no write index is defined for alias/, "SINK_MISSING"],
  [/dynamic introduction of \[_sluice\]/, "SINK_MISSING"],
  [/Document ID is not supported/, "SINK_MISSING"],
  [/cannot execute \[\w+\] scripts|cannot execute scripts using/, "SINK_DENIED"],
];

/** Returns the code for the error of an item, or of a whole answer. */
export const codeOf = (status: number, { type = "", reason = "", caused_by }: ServerError = {}): SinkErrorCode => {
  if (type === blocked) return status === 429 ? "SINK_THROTTLED" : "SINK_UNAVAILABLE";
  const byCause = status === 400 ? types[caused_by?.type ?? ""] : undefined;
  const byReason = reasons.find(([text]) => text.test(reason))?.[1];
  return types[type] ?? byCause ?? byReason ?? codeOfStatus(status, statuses);
};

const fieldIn = (reason: string): string | undefined => /(?:^|\s)field \[([\w.@ -]{1,100})\]/.exec(reason)?.[1];

/** Describes the server's error without values: `400 mapper_parsing_exception, field "amount"`. */
const describe = (status: number, { type, reason = "" }: ServerError = {}): string => {
  const parts = [type === undefined ? String(status) : `${status} ${type}`];
  const field = fieldIn(reason);
  if (field !== undefined) parts.push(`field "${field}"`);
  return parts.join(", ");
};

/** Creates the error of a document that was not written. */
export const itemError = (sink: string, { status, error }: BulkItem): SinkError => {
  const code = codeOf(status, error);
  return new SinkError(code, `[${sink}] OpenSearch answered ${describe(status, error)}${errorHint(code)}`);
};

/** Why a request failed as a whole. */
export interface RequestFailure {
  readonly error: SinkError;
  /** Whether one entry may be the cause. If so, smaller requests find the entry. */
  readonly mayBeOneEntry: boolean;
  /** HTTP status, if the server answered. */
  readonly status?: number;
  /** The server's error. If the request had items, the error's reason may quote them. */
  readonly serverError?: ServerError;
}

/** Error types of a whole request that a single line can cause. */
const entryTypes = /^(action_request_validation|json_parse|mapper_parsing|parse|parsing|x_content_parse)_exception$/;

/** Codes by the names of the client's errors. @see https://github.com/opensearch-project/opensearch-js/blob/main/lib/errors.js */
const clientErrors: Readonly<Record<string, SinkErrorCode>> = {
  AwsSigv4SignerError: "SINK_DENIED",
  CredentialsProviderError: "SINK_DENIED",
  RequestAbortedError: "SINK_TIMEOUT",
  TimeoutError: "SINK_TIMEOUT",
  TokenProviderError: "SINK_DENIED",
};

/** Matches messages about an invalid certificate, which means a wrong setting. The client keeps only Node's text. */
const tlsMessage =
  /certificate|altnames|unable to (verify|get) (the first|local issuer|issuer)|SSL routines|wrong version number/i;

/** Reads only members of the expected types, because any value may have been thrown. */
const fieldsOf = (error: unknown) => {
  const { name, message, statusCode, body, headers } = isRecord(error) ? error : {};
  return {
    name: typeof name === "string" ? name : "",
    message: typeof message === "string" && message !== "" ? message : "an error without a message",
    status: typeof statusCode === "number" ? statusCode : undefined,
    body,
    headers,
  };
};

type OpensearchErrorFields = ReturnType<typeof fieldsOf>;

/** Reads a `Retry-After` in seconds, which managed services send. If it is a date, core chooses the delay. */
const retryAfterIn = (headers: unknown): { readonly retryAfterMs?: number } => {
  const text = isRecord(headers) ? headers["retry-after"] : undefined;
  return typeof text === "string" && /^\d{1,6}$/.test(text) ? { retryAfterMs: Number(text) * 1_000 } : {};
};

const serverErrorIn = (body: unknown): ServerError => {
  const error = isRecord(body) ? body.error : undefined;
  return isRecord(error) ? error : {};
};

/** Copies only name and text of the client's error. The error itself holds the request with its documents. */
const causeOf = ({ name, message }: OpensearchErrorFields, status?: string): Error =>
  Object.assign(new Error(status ?? message), { name: name === "" ? "Error" : name });

const answered = (sink: string, status: number, fields: OpensearchErrorFields): RequestFailure => {
  const serverError = serverErrorIn(fields.body);
  const found = codeOf(status, serverError);
  const mayBeOneEntry =
    found === "SINK_TOO_LARGE" || (found === "SINK_REJECTED" && entryTypes.test(serverError.type ?? ""));
  // The answer blames no document. With SINK_REJECTED, every document would go to the dead-letter queue.
  const code = found === "SINK_REJECTED" && !mayBeOneEntry ? "SINK_MISSING" : found;
  const text = describe(status, serverError);
  const message = `[${sink}] OpenSearch answered ${text}${errorHint(code)}`;
  return {
    error: new SinkError(code, message, { cause: causeOf(fields, text), ...retryAfterIn(fields.headers) }),
    mayBeOneEntry,
    status,
    serverError,
  };
};

/** Returns the failure of a request from the client's error. */
export const requestFailure = (sink: string, error: unknown): RequestFailure => {
  const fields = fieldsOf(error);
  if (fields.name === "ResponseError" && fields.status !== undefined) return answered(sink, fields.status, fields);
  const isTls = fields.name === "ConnectionError" && tlsMessage.test(fields.message);
  const code = isTls ? "SINK_DENIED" : (clientErrors[fields.name] ?? "SINK_UNAVAILABLE");
  // The client's message contains the text of the answer, which is not JSON.
  const text = fields.name === "DeserializationError" ? "the answer is not JSON" : fields.message;
  return { error: new SinkError(code, `[${sink}] ${text}`, { cause: causeOf(fields, text) }), mayBeOneEntry: false };
};
