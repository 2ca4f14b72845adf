// Turns errors of OpenSearch and of its client into error codes. OpenSearch's `reason` quotes values ("Preview of
// field's value: …"), so the sink's errors contain only the error's type, names of fields, limits and settings.

import {
  codeOfStatus,
  errorHint,
  isRecord,
  SinkError,
  type SinkErrorCode,
  type SinkErrorOptions,
  type StatusCodes,
} from "@sluice/core/sink-kit";
import { describeReason, type FieldNames, fieldNames } from "./write/reason.ts";

/** The members of OpenSearch's error that the sink reads. `filter_path` in the request excludes all other members. */
export interface ServerError {
  readonly type?: string;
  readonly reason?: string;
  readonly caused_by?: { readonly type?: string; readonly reason?: string };
  /** The number of the shard on which a document failed. An ingest pipeline refuses a document before it has a shard. */
  readonly shard?: unknown;
}

/** The result of one document in the answer to a bulk request. */
export interface BulkItem {
  /** Null if an ingest pipeline refused the member `upsert` of an update. */
  readonly _id?: string | null;
  readonly status: number;
  readonly result?: string;
  readonly _seq_no?: number;
  readonly _primary_term?: number;
  readonly error?: ServerError;
}

/** Codes for HTTP statuses that have a special meaning in OpenSearch. @see https://docs.opensearch.org/latest/api-reference/document-apis/bulk/ (read 2026-11-23) */
const statuses: StatusCodes = { 404: "SINK_MISSING", 405: "SINK_MISSING", 406: "SINK_MISSING", 409: "SINK_CONFLICT" };

/** Maps OpenSearch's error types to codes, if the type says more than the HTTP status. */
const types: Readonly<Record<string, SinkErrorCode>> = {
  circuit_breaking_exception: "SINK_THROTTLED", // out of memory, or too many script compilations
  es_rejected_execution_exception: "SINK_THROTTLED",
  opensearch_rejected_execution_exception: "SINK_THROTTLED",
  rejected_execution_exception: "SINK_THROTTLED",
  index_not_found_exception: "SINK_MISSING",
  index_closed_exception: "SINK_UNAVAILABLE",
  security_exception: "SINK_DENIED",
};

/** The error type for a read-only index, for example because the disk is full. The HTTP status may be 403 or 429. */
const blocked = "cluster_block_exception";

/** Maps reasons to codes. OpenSearch gives these errors the status of a bad document, but no document is bad. */
const reasons: readonly (readonly [text: RegExp, code: SinkErrorCode])[] = [
  [/^no write index is defined for alias/, "SINK_MISSING"],
  [/dynamic introduction of \[_sluice\]/, "SINK_MISSING"],
  [/Document ID is not supported/, "SINK_MISSING"],
  [/cannot execute \[\w+\] scripts|cannot execute scripts using/, "SINK_DENIED"],
];

/** Returns the code for an error of one document, or of a whole request. */
export const codeOf = (status: number, { type = "", reason = "", caused_by }: ServerError = {}): SinkErrorCode => {
  if (type === blocked) return status === 429 ? "SINK_THROTTLED" : "SINK_UNAVAILABLE";
  const byCause = status === 400 ? types[caused_by?.type ?? ""] : undefined;
  const byReason = reasons.find(([text]) => text.test(reason))?.[1];
  return types[type] ?? byCause ?? byReason ?? codeOfStatus(status, statuses);
};

/** Names only the attributes of an item. The sink names also the fields that its option `mappings` declares. */
const attributesOnly = fieldNames();

/** Describes OpenSearch's error without values: `400 mapper_parsing_exception, field "amount" of type long`. */
const describe = (
  status: number,
  { type, reason = "", caused_by }: ServerError = {},
  names = attributesOnly,
): string => {
  const parts = [type === undefined ? String(status) : `${status} ${type}`];
  const known = describeReason(reason, names) ?? describeReason(caused_by?.reason ?? "", names);
  if (known !== undefined) parts.push(known);
  return parts.join(", ");
};

/** An error of OpenSearch: the HTTP status, the error, and the names of fields that a message may show. */
type Answered = readonly [status: number, error: ServerError | undefined, names: FieldNames | undefined];

const errorOf = (
  sink: string,
  code: SinkErrorCode,
  [status, error, names]: Answered,
  options?: SinkErrorOptions,
): SinkError =>
  new SinkError(code, `[${sink}] OpenSearch answered ${describe(status, error, names)}${errorHint(code)}`, options);

/** Creates the error of a document that was not written. */
export const itemError = (sink: string, { status, error }: BulkItem, names?: FieldNames): SinkError =>
  errorOf(sink, codeOf(status, error), [status, error, names]);

/**
 * The two readings of a failure whose type does not tell if the document or the target is at fault. If other documents
 * of the batch were written, the document is at fault. Otherwise the failure may concern every document.
 */
export interface UnclearFailure {
  readonly asDocument: SinkError;
  readonly asTarget: SinkError;
}

/** Error types that mean that OpenSearch could not read this document, or that a value does not fit its field. */
const documentTypes =
  /^(document_parsing|json_parse|mapper_parsing|max_bytes_length_exceeded|parse|parsing|x_content_parse)_exception$/;

const isAboutDocument = ({ type = "", reason = "", caused_by }: ServerError): boolean =>
  documentTypes.test(type) || documentTypes.test(caused_by?.type ?? "") || /^Limit of total fields/.test(reason);

/** Matches error types that name a part of the cluster, for example `node_disconnected_exception`. */
const clusterTypes = /node|transport|shard|cluster|engine|translog|timeout|closed/;

/** Whether status and error do not tell if the document or the target is at fault. */
const isUnclear = (status: number, error: ServerError): boolean => {
  const code = codeOf(status, error);
  // A plugin or an ingest pipeline may fail with 500 for one document. A shard may fail for many, but not for all.
  if (status === 500) {
    const { type, shard } = error;
    return code === "SINK_UNAVAILABLE" && type !== undefined && shard === undefined && !clusterTypes.test(type);
  }
  return code === "SINK_REJECTED" && !isAboutDocument(error);
};

const readingsOf = (sink: string, answer: Answered, options?: SinkErrorOptions): UnclearFailure => ({
  asDocument: errorOf(sink, "SINK_REJECTED", answer, options),
  asTarget: errorOf(sink, answer[0] === 500 ? "SINK_UNAVAILABLE" : "SINK_MISSING", answer, options),
});

/** Returns both readings of the failure of one document; undefined if its type is clear. */
export const unclearItem = (
  sink: string,
  { status, error = {} }: BulkItem,
  names?: FieldNames,
): UnclearFailure | undefined => (isUnclear(status, error) ? readingsOf(sink, [status, error, names]) : undefined);

/** Returns both readings of a document that an ingest pipeline dropped. OpenSearch reports this as a success. */
export const droppedItem = (sink: string): UnclearFailure => {
  const problem = `[${sink}] an ingest pipeline of the index dropped the document`;
  return { asDocument: new SinkError("SINK_REJECTED", problem), asTarget: new SinkError("SINK_MISSING", problem) };
};

/** Why a request failed as a whole. */
export interface RequestFailure {
  readonly error: SinkError;
  /** Whether one entry may have caused the failure. If so, the request is split in halves until the entry is found. */
  readonly mayBeOneEntry: boolean;
  /** Set if the target may be at fault as well. `error` then describes the target. */
  readonly unclear?: UnclearFailure;
  /** HTTP status, if the server answered. */
  readonly status?: number;
  /** OpenSearch's error. Its `reason` may quote documents of the request. */
  readonly serverError?: ServerError;
}

/** Error types for which OpenSearch refuses the whole request, although only one line of the request is wrong. */
const entryTypes = /^(action_request_validation|json_parse|mapper_parsing|parse|parsing|x_content_parse)_exception$/;

/** Maps names of client errors to codes. @see https://github.com/opensearch-project/opensearch-js/blob/main/lib/errors.js */
const clientErrors: Readonly<Record<string, SinkErrorCode>> = {
  AwsSigv4SignerError: "SINK_DENIED",
  CredentialsProviderError: "SINK_DENIED",
  RequestAbortedError: "SINK_TIMEOUT",
  TimeoutError: "SINK_TIMEOUT",
  TokenProviderError: "SINK_DENIED",
};

/** Matches Node's messages about an invalid certificate. The client keeps only the message, not Node's error code. */
const tlsMessage =
  /certificate|altnames|unable to (verify|get) (the first|local issuer|issuer)|SSL routines|wrong version number/i;

/** Reads the members of the client's error. Checks their types, because `error` may be any thrown value. */
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

/** Reads the header `Retry-After` if it is a number of seconds. If it is a date, `@sluice/core` chooses the delay. */
const retryAfterIn = (headers: unknown): { readonly retryAfterMs?: number } => {
  const text = isRecord(headers) ? headers["retry-after"] : undefined;
  return typeof text === "string" && /^\d{1,6}$/.test(text) ? { retryAfterMs: Number(text) * 1_000 } : {};
};

const serverErrorIn = (body: unknown): ServerError => {
  const error = isRecord(body) ? body.error : undefined;
  return isRecord(error) ? error : {};
};

/** Copies name and message of the client's error. The error itself must not be the cause: it contains documents. */
const causeOf = ({ name, message }: OpensearchErrorFields, status?: string): Error =>
  Object.assign(new Error(status ?? message), { name: name === "" ? "Error" : name });

const answered = (
  sink: string,
  status: number,
  fields: OpensearchErrorFields,
  names: FieldNames | undefined,
): RequestFailure => {
  const serverError = serverErrorIn(fields.body);
  const code = codeOf(status, serverError);
  const isOneEntry = code === "SINK_TOO_LARGE" || (code === "SINK_REJECTED" && entryTypes.test(serverError.type ?? ""));
  const options = { cause: causeOf(fields, describe(status, serverError, names)), ...retryAfterIn(fields.headers) };
  const unclear =
    !isOneEntry && (code === "SINK_REJECTED" || isUnclear(status, serverError))
      ? readingsOf(sink, [status, serverError, names], options)
      : undefined;
  return {
    error: unclear?.asTarget ?? errorOf(sink, code, [status, serverError, names], options),
    mayBeOneEntry: isOneEntry || unclear !== undefined,
    ...(unclear && { unclear }),
    status,
    serverError,
  };
};

/** Turns the error that the client threw into a `RequestFailure`. */
export const requestFailure = (sink: string, error: unknown, names?: FieldNames): RequestFailure => {
  const fields = fieldsOf(error);
  if (fields.name === "ResponseError" && fields.status !== undefined) {
    return answered(sink, fields.status, fields, names);
  }
  const isTls = fields.name === "ConnectionError" && tlsMessage.test(fields.message);
  const code = isTls ? "SINK_DENIED" : (clientErrors[fields.name] ?? "SINK_UNAVAILABLE");
  // This error's message contains the body of the answer, so it is replaced.
  const text = fields.name === "DeserializationError" ? "the answer is not JSON" : fields.message;
  return { error: new SinkError(code, `[${sink}] ${text}`, { cause: causeOf(fields, text) }), mayBeOneEntry: false };
};
