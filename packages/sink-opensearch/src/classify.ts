// From what OpenSearch or its client says to an error code, in tables. Reasons quote values ("Preview of field's value:
// …"), so nothing of them is passed on but the type of the error and the name of a field.

import { SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";

/** The part of an error in an answer that is read. `filter_path` asks for no more. */
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

/**
 * HTTP status, of an item or of a whole answer, to the code.
 * @see https://docs.opensearch.org/latest/api-reference/document-apis/bulk/ (read 2026-11-23)
 */
const statuses: Readonly<Record<number, SinkErrorCode>> = {
  400: "SINK_REJECTED",
  401: "SINK_DENIED",
  403: "SINK_DENIED",
  404: "SINK_MISSING",
  405: "SINK_MISSING",
  406: "SINK_MISSING",
  408: "SINK_TIMEOUT",
  409: "SINK_CONFLICT",
  413: "SINK_TOO_LARGE",
  429: "SINK_THROTTLED",
};

/** Types of error that say more than the status that they come with. */
const types: Readonly<Record<string, SinkErrorCode>> = {
  circuit_breaking_exception: "SINK_THROTTLED", // memory, or the limit of script compilations
  es_rejected_execution_exception: "SINK_THROTTLED",
  opensearch_rejected_execution_exception: "SINK_THROTTLED",
  rejected_execution_exception: "SINK_THROTTLED",
  index_not_found_exception: "SINK_MISSING",
  index_closed_exception: "SINK_UNAVAILABLE",
  security_exception: "SINK_DENIED",
};

/** An index is read-only until somebody frees its disk or ends its maintenance: 403 or 429, and never a permission. */
const blocked = "cluster_block_exception";

/** Reasons of errors that speak of the alias, its mapping or the cluster, though their status is that of a bad document. */
const reasons: readonly (readonly [text: RegExp, code: SinkErrorCode])[] = [
  [/^no write index is defined for alias/, "SINK_MISSING"],
  [/dynamic introduction of \[_sluice\]/, "SINK_MISSING"],
  [/Document ID is not supported/, "SINK_MISSING"],
  [/cannot execute \[\w+\] scripts|cannot execute scripts using/, "SINK_DENIED"],
];

const hints: Partial<Record<SinkErrorCode, string>> = {
  SINK_MISSING: "; ensure() creates what is missing",
  SINK_REJECTED: "; its text is withheld because it may quote values",
};

const fallback = (status: number): SinkErrorCode =>
  statuses[status] ?? (status >= 400 && status < 500 ? "SINK_REJECTED" : "SINK_UNAVAILABLE");

/** The code for an error of an item, or of a whole answer. */
export const codeOf = (status: number, { type = "", reason = "", caused_by }: ServerError = {}): SinkErrorCode => {
  if (type === blocked) return status === 429 ? "SINK_THROTTLED" : "SINK_UNAVAILABLE";
  const byCause = status === 400 ? types[caused_by?.type ?? ""] : undefined;
  const byReason = reasons.find(([text]) => text.test(reason))?.[1];
  return types[type] ?? byCause ?? byReason ?? fallback(status);
};

const fieldIn = (reason: string): string | undefined => /(?:^|\s)field \[([\w.@ -]{1,100})\]/.exec(reason)?.[1];

/** What the server said, without values: `400 mapper_parsing_exception, field "amount"`. */
const told = (status: number, { type, reason = "" }: ServerError = {}): string => {
  const parts = [type === undefined ? String(status) : `${status} ${type}`];
  const field = fieldIn(reason);
  if (field !== undefined) parts.push(`field "${field}"`);
  return parts.join(", ");
};

/** The error of an item that was not written. */
export const itemError = (sink: string, { status, error }: BulkItem): SinkError => {
  const code = codeOf(status, error);
  return new SinkError(code, `[${sink}] OpenSearch answered ${told(status, error)}${hints[code] ?? ""}`);
};

/** Why a request failed as a whole. */
export interface RequestFailure {
  readonly error: SinkError;
  /** Whether it may be the doing of one entry: then smaller requests find it. */
  readonly mayBeOneEntry: boolean;
  /** HTTP status, where the server answered. */
  readonly status?: number;
  /** What the server said. Its reason may quote items where it was sent any. */
  readonly serverError?: ServerError;
}

/** Errors of a whole request that one line of it can cause. */
const entryTypes: ReadonlySet<string> = new Set([
  "action_request_validation_exception",
  "json_parse_exception",
  "mapper_parsing_exception",
  "parse_exception",
  "parsing_exception",
  "x_content_parse_exception",
]);

/** The client's errors by their names. @see https://github.com/opensearch-project/opensearch-js/blob/main/lib/errors.js */
const clientErrors: Readonly<Record<string, SinkErrorCode>> = {
  AwsSigv4SignerError: "SINK_DENIED",
  CredentialsProviderError: "SINK_DENIED",
  RequestAbortedError: "SINK_TIMEOUT",
  TimeoutError: "SINK_TIMEOUT",
  TokenProviderError: "SINK_DENIED",
};

/** TLS that does not verify is a setting to repair. The client keeps only the text of Node's error. */
const tlsMessage =
  /certificate|altnames|unable to (verify|get) (the first|local issuer|issuer)|SSL routines|wrong version number/i;

interface Fields {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly body: unknown;
  readonly headers: unknown;
}

/** Reads what is there: what was thrown may be anything. */
const fieldsOf = (error: unknown): Fields => {
  const { name, message, statusCode, body, headers } = (typeof error === "object" && error !== null ? error : {}) as {
    readonly [member: string]: unknown;
  };
  return {
    name: typeof name === "string" ? name : "",
    message: typeof message === "string" && message !== "" ? message : "an error without a message",
    status: typeof statusCode === "number" ? statusCode : undefined,
    body,
    headers,
  };
};

/** Managed services say how long they want to be left alone, in seconds; a date instead is left to core's own waits. */
const retryAfterIn = (headers: unknown): { readonly retryAfterMs?: number } => {
  const text =
    typeof headers === "object" && headers !== null && "retry-after" in headers ? headers["retry-after"] : "";
  return typeof text === "string" && /^\d{1,6}$/.test(text) ? { retryAfterMs: Number(text) * 1_000 } : {};
};

const serverErrorIn = (body: unknown): ServerError => {
  const error = typeof body === "object" && body !== null && "error" in body ? body.error : undefined;
  return typeof error === "object" && error !== null ? error : {};
};

/** The client's own error holds the request with its documents, and the connection: only its words go on. */
const causeOf = ({ name, message }: Fields, status?: string): Error =>
  Object.assign(new Error(status ?? message), { name: name === "" ? "Error" : name });

const answered = (sink: string, status: number, fields: Fields): RequestFailure => {
  const serverError = serverErrorIn(fields.body);
  const found = codeOf(status, serverError);
  const mayBeOneEntry =
    found === "SINK_TOO_LARGE" || (found === "SINK_REJECTED" && entryTypes.has(serverError.type ?? ""));
  // Nothing says that a document is at fault: were it rejected, every other one would be as well.
  const code = found === "SINK_REJECTED" && !mayBeOneEntry ? "SINK_MISSING" : found;
  const text = told(status, serverError);
  const message = `[${sink}] OpenSearch answered ${text}${hints[code] ?? ""}`;
  return {
    error: new SinkError(code, message, { cause: causeOf(fields, text), ...retryAfterIn(fields.headers) }),
    mayBeOneEntry,
    status,
    serverError,
  };
};

/** The failure of a request for which the client raised this error. */
export const requestFailure = (sink: string, error: unknown): RequestFailure => {
  const fields = fieldsOf(error);
  if (fields.name === "ResponseError" && fields.status !== undefined) return answered(sink, fields.status, fields);
  const isTls = fields.name === "ConnectionError" && tlsMessage.test(fields.message);
  const code = isTls ? "SINK_DENIED" : (clientErrors[fields.name] ?? "SINK_UNAVAILABLE");
  // The text of an answer that is no JSON is part of the message.
  const text = fields.name === "DeserializationError" ? "the answer is no JSON" : fields.message;
  return { error: new SinkError(code, `[${sink}] ${text}`, { cause: causeOf(fields, text) }), mayBeOneEntry: false };
};
