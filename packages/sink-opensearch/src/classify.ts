// From an error of OpenSearch or of its client to an error code, in tables. Reasons quote values ("Preview of field's
// value: …"), so only the type of the error and the name of a field are passed on.

import {
  codeOfStatus,
  errorHint,
  isRecord,
  SinkError,
  type SinkErrorCode,
  type StatusCodes,
} from "@sluice/core/sink-kit";

/** The part of a server error that the sink reads. `filter_path` leaves out the rest. */
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

/** Statuses that mean something else than for other targets. @see https://docs.opensearch.org/latest/api-reference/document-apis/bulk/ (read 2026-11-23) */
const statuses: StatusCodes = { 404: "SINK_MISSING", 405: "SINK_MISSING", 406: "SINK_MISSING", 409: "SINK_CONFLICT" };

/** Types of error that say more than their status. */
const types: Readonly<Record<string, SinkErrorCode>> = {
  circuit_breaking_exception: "SINK_THROTTLED", // memory, or the limit of script compilations
  es_rejected_execution_exception: "SINK_THROTTLED",
  opensearch_rejected_execution_exception: "SINK_THROTTLED",
  rejected_execution_exception: "SINK_THROTTLED",
  index_not_found_exception: "SINK_MISSING",
  index_closed_exception: "SINK_UNAVAILABLE",
  security_exception: "SINK_DENIED",
};

/** The type for an index that is read-only, because its disk is full or under maintenance. Its status may be 403. */
const blocked = "cluster_block_exception";

/** Reasons of errors in the alias, its mapping or the cluster, although the status is that of a bad document. */
const reasons: readonly (readonly [text: RegExp, code: SinkErrorCode])[] = [
  [/^no write index is defined for alias/, "SINK_MISSING"],
  [/dynamic introduction of \[_sluice\]/, "SINK_MISSING"],
  [/Document ID is not supported/, "SINK_MISSING"],
  [/cannot execute \[\w+\] scripts|cannot execute scripts using/, "SINK_DENIED"],
];

/** The code for an error of an item, or of a whole answer. */
export const codeOf = (status: number, { type = "", reason = "", caused_by }: ServerError = {}): SinkErrorCode => {
  if (type === blocked) return status === 429 ? "SINK_THROTTLED" : "SINK_UNAVAILABLE";
  const byCause = status === 400 ? types[caused_by?.type ?? ""] : undefined;
  const byReason = reasons.find(([text]) => text.test(reason))?.[1];
  return types[type] ?? byCause ?? byReason ?? codeOfStatus(status, statuses);
};

const fieldIn = (reason: string): string | undefined => /(?:^|\s)field \[([\w.@ -]{1,100})\]/.exec(reason)?.[1];

/** The server's error without values: `400 mapper_parsing_exception, field "amount"`. */
const describe = (status: number, { type, reason = "" }: ServerError = {}): string => {
  const parts = [type === undefined ? String(status) : `${status} ${type}`];
  const field = fieldIn(reason);
  if (field !== undefined) parts.push(`field "${field}"`);
  return parts.join(", ");
};

/** The error of a document that was not written. */
export const itemError = (sink: string, { status, error }: BulkItem): SinkError => {
  const code = codeOf(status, error);
  return new SinkError(code, `[${sink}] OpenSearch answered ${describe(status, error)}${errorHint(code)}`);
};

/** Why a request failed as a whole. */
export interface RequestFailure {
  readonly error: SinkError;
  /** Whether one entry may be the cause. Then smaller requests find that entry. */
  readonly mayBeOneEntry: boolean;
  /** HTTP status, where the server answered. */
  readonly status?: number;
  /** The server's error. Its reason may quote items, where the request had any. */
  readonly serverError?: ServerError;
}

/** Errors of a whole request that one of its lines can cause. */
const entryTypes = /^(action_request_validation|json_parse|mapper_parsing|parse|parsing|x_content_parse)_exception$/;

/** The client's errors by name. @see https://github.com/opensearch-project/opensearch-js/blob/main/lib/errors.js */
const clientErrors: Readonly<Record<string, SinkErrorCode>> = {
  AwsSigv4SignerError: "SINK_DENIED",
  CredentialsProviderError: "SINK_DENIED",
  RequestAbortedError: "SINK_TIMEOUT",
  TimeoutError: "SINK_TIMEOUT",
  TokenProviderError: "SINK_DENIED",
};

/** A certificate that does not verify, which means a wrong setting. The client keeps only the text of Node's error. */
const tlsMessage =
  /certificate|altnames|unable to (verify|get) (the first|local issuer|issuer)|SSL routines|wrong version number/i;

/** Reads only members of the expected types, because anything may have been thrown. */
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

/** Reads `Retry-After` in seconds, as managed services send it. For a date, core chooses the delay. */
const retryAfterIn = (headers: unknown): { readonly retryAfterMs?: number } => {
  const text = isRecord(headers) ? headers["retry-after"] : undefined;
  return typeof text === "string" && /^\d{1,6}$/.test(text) ? { retryAfterMs: Number(text) * 1_000 } : {};
};

const serverErrorIn = (body: unknown): ServerError => {
  const error = isRecord(body) ? body.error : undefined;
  return isRecord(error) ? error : {};
};

/** Keeps only the text of the client's error, which also holds the request with its documents, and the connection. */
const causeOf = ({ name, message }: OpensearchErrorFields, status?: string): Error =>
  Object.assign(new Error(status ?? message), { name: name === "" ? "Error" : name });

const answered = (sink: string, status: number, fields: OpensearchErrorFields): RequestFailure => {
  const serverError = serverErrorIn(fields.body);
  const found = codeOf(status, serverError);
  const mayBeOneEntry =
    found === "SINK_TOO_LARGE" || (found === "SINK_REJECTED" && entryTypes.test(serverError.type ?? ""));
  // The answer blames no document. SINK_REJECTED would send every document to the dead-letter queue.
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

/** The failure of a request for which the client raised this error. */
export const requestFailure = (sink: string, error: unknown): RequestFailure => {
  const fields = fieldsOf(error);
  if (fields.name === "ResponseError" && fields.status !== undefined) return answered(sink, fields.status, fields);
  const isTls = fields.name === "ConnectionError" && tlsMessage.test(fields.message);
  const code = isTls ? "SINK_DENIED" : (clientErrors[fields.name] ?? "SINK_UNAVAILABLE");
  // The message contains the text of the answer, which is not JSON.
  const text = fields.name === "DeserializationError" ? "the answer is not JSON" : fields.message;
  return { error: new SinkError(code, `[${sink}] ${text}`, { cause: causeOf(fields, text) }), mayBeOneEntry: false };
};
