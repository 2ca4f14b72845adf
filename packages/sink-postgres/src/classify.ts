// Turns an error of Postgres or pg into an error code, by two tables. Server messages quote values ("Key (id)=(…)
// already exists"), so for an error in the data only SQLSTATE, column name and constraint name are passed on.

import { codeOfNetworkError, errorHint, SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";

/** Codes by SQLSTATE, or by its class of two characters. The longer key wins. @see https://www.postgresql.org/docs/18/errcodes-appendix.html (read 2026-11-23) */
const sqlStates: Readonly<Record<string, SinkErrorCode>> = {
  "08": "SINK_UNAVAILABLE", // connection exception
  "0A": "SINK_MISSING", // feature not supported: a view that cannot be written, or ON CONFLICT on a foreign table
  "25": "SINK_UNAVAILABLE", // 25006 read-only: the server is a replica, or was the primary before a failover
  "26": "SINK_UNAVAILABLE", // a pooler in front of the server lost the statement
  "28": "SINK_DENIED", // invalid authorization
  "3D": "SINK_MISSING", // no such database
  "3F": "SINK_MISSING", // no such schema
  "40": "SINK_CONFLICT", // 40001 serialization failure, 40P01 deadlock
  "42": "SINK_MISSING", // the table, column or constraint does not exist, or a column has the wrong type
  "42501": "SINK_DENIED", // insufficient privilege
  "53": "SINK_UNAVAILABLE", // 53100 disk full, 53200 out of memory
  "53300": "SINK_THROTTLED", // too many connections
  "53400": "SINK_THROTTLED", // a configured limit is exceeded
  "54": "SINK_REJECTED", // a row or key is too large for an index
  "55": "SINK_UNAVAILABLE", // the object is not in the required state
  "55006": "SINK_CONFLICT", // the object is in use
  "55P03": "SINK_CONFLICT", // the lock is not available
  "57": "SINK_UNAVAILABLE", // 57P01 shutdown, 57P03 still starting
  "57014": "SINK_TIMEOUT", // statement_timeout, or cancelled by an administrator
  "58": "SINK_UNAVAILABLE", // I/O error
  F0: "SINK_UNAVAILABLE", // error in the configuration file
  XX: "SINK_UNAVAILABLE", // internal error
};

/** Matches classes whose messages name relations, roles and settings, but quote no values. */
const classesWithoutValues = /^(08|0A|25|28|3D|3F|40|42|53|55|57)/;

/** Errors that pg raises without a code. */
const clientMessages: readonly (readonly [text: string, code: SinkErrorCode])[] = [
  ["Query read timeout", "SINK_TIMEOUT"],
  ["The server does not support SSL connections", "SINK_DENIED"],
];

/** Reads only text members, because any value may have been thrown. */
const fieldsOf = (error: unknown) => {
  const members: Readonly<Record<string, unknown>> = typeof error === "object" && error !== null ? { ...error } : {};
  const text = (name: string): string => (typeof members[name] === "string" ? members[name] : "");
  return {
    code: text("code"),
    // Node's AggregateError, which a host with several addresses can cause, has a code but no message.
    message: (error instanceof Error && error.message) || text("code") || "an error without a message",
    severity: text("severity"),
    column: text("column"),
    constraint: text("constraint"),
    where: text("where"),
  };
};

type PostgresErrorFields = ReturnType<typeof fieldsOf>;

/** Whether the server itself sent this error. If so, `code` is an SQLSTATE. */
const isServerError = ({ code, severity }: PostgresErrorFields): boolean =>
  severity !== "" && /^[0-9A-Z]{5}$/.test(code);

/** An SQLSTATE outside the table comes from a user's trigger that refuses the row. */
const codeOfState = (state: string): SinkErrorCode =>
  sqlStates[state] ?? sqlStates[state.slice(0, 2)] ?? "SINK_REJECTED";

const codeOfClient = ({ code, message }: PostgresErrorFields): SinkErrorCode =>
  clientMessages.find(([text]) => message.includes(text))?.[1] ?? codeOfNetworkError(code);

/** Whether the message quotes no values. A message with a context, from a function or trigger, may quote values. */
const hasNoValues = ({ code, where }: PostgresErrorFields): boolean => where === "" && classesWithoutValues.test(code);

const describe = (fields: PostgresErrorFields): string => {
  const parts = [`SQLSTATE ${fields.code}`];
  if (hasNoValues(fields)) parts.push(fields.message);
  if (fields.column !== "") parts.push(`column "${fields.column}"`);
  if (fields.constraint !== "") parts.push(`constraint "${fields.constraint}"`);
  return parts.join(", ");
};

/** Returns the code for an error of `connect` or `query`. */
export const codeOf = (error: unknown): SinkErrorCode => {
  const fields = fieldsOf(error);
  return isServerError(fields) ? codeOfState(fields.code) : codeOfClient(fields);
};

/** SQLSTATEs after which the connection may be lost. `severity` has the same information, but is translated. */
const fatalStates = /^(08|57P|58|F0|XX)/;

/** Whether the connection can still be used after this error. Only then may it return to its pool. */
export const isConnectionGood = (error: unknown): boolean => {
  const fields = fieldsOf(error);
  return isServerError(fields) && !fatalStates.test(fields.code);
};

/** Returns the error for a delivery, without values. Its cause is pg's own error only if that error has no values. */
export const classify = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const fields = fieldsOf(error);
  const code = codeOf(error);
  if (!isServerError(fields)) return new SinkError(code, `[${sink}] ${fields.message}`, { cause: error });
  const description = describe(fields);
  const cause = Object.assign(new Error(description), { code: fields.code });
  return new SinkError(code, `[${sink}] Postgres answered ${description}${errorHint(code)}`, { cause });
};
