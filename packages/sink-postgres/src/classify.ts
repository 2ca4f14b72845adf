// Turns an error of Postgres or pg into an error code. Postgres' messages about data quote values ("Key (id)=(…)
// already exists"), so the sink's error then contains only SQLSTATE, column name and constraint name.

import { codeOfNetworkError, errorHint, SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";

/** Codes by SQLSTATE, or by its first two characters. A whole SQLSTATE has priority. @see https://www.postgresql.org/docs/18/errcodes-appendix.html (read 2026-11-23) */
const sqlStates: Readonly<Record<string, SinkErrorCode>> = {
  "08": "SINK_UNAVAILABLE", // connection exception
  "0A": "SINK_MISSING", // feature not supported: a view that cannot be written, or ON CONFLICT on a foreign table
  "25": "SINK_UNAVAILABLE", // 25006 read-only: the server is a replica, or became one in a failover
  "26": "SINK_UNAVAILABLE", // a pooler, such as PgBouncer, lost the statement
  "28": "SINK_DENIED", // invalid authorization
  "3D": "SINK_MISSING", // no such database
  "3F": "SINK_MISSING", // no such schema
  "40": "SINK_CONFLICT", // 40001 serialization failure, 40P01 deadlock
  "42": "SINK_MISSING", // the table, column or constraint does not exist, or a column has the wrong type
  "42501": "SINK_DENIED", // insufficient privilege
  "53": "SINK_UNAVAILABLE", // 53100 disk full, 53200 out of memory
  "53300": "SINK_THROTTLED", // too many connections
  "53400": "SINK_THROTTLED", // the server exceeds a limit of its configuration
  "54": "SINK_REJECTED", // a row or key is too large for an index
  "55": "SINK_UNAVAILABLE", // the database object is not in the required state
  "55006": "SINK_CONFLICT", // the database object is in use
  "55P03": "SINK_CONFLICT", // another transaction holds the lock
  "57": "SINK_UNAVAILABLE", // 57P01 shutdown, 57P03 still starting
  "57014": "SINK_TIMEOUT", // statement_timeout, or cancelled by an administrator
  "58": "SINK_UNAVAILABLE", // I/O error
  F0: "SINK_UNAVAILABLE", // error in the configuration file
  XX: "SINK_UNAVAILABLE", // internal error
};

/** Matches SQLSTATEs of errors whose messages name relations, roles or settings, but quote no values. */
const classesWithoutValues = /^(08|0A|25|28|3D|3F|40|42|53|55|57)/;

/** Codes for errors of pg that have a message but no code. */
const clientMessages: readonly (readonly [text: string, code: SinkErrorCode])[] = [
  ["Query read timeout", "SINK_TIMEOUT"],
  ["The server does not support SSL connections", "SINK_DENIED"],
];

/** Reads the error's members if they are strings. Checks this, because `error` may be any thrown value. */
const fieldsOf = (error: unknown) => {
  const members: Readonly<Record<string, unknown>> = typeof error === "object" && error !== null ? { ...error } : {};
  const text = (name: string): string => (typeof members[name] === "string" ? members[name] : "");
  return {
    code: text("code"),
    // If a host has several addresses, Node throws an AggregateError, which has a code but no message.
    message: (error instanceof Error && error.message) || text("code") || "an error without a message",
    severity: text("severity"),
    column: text("column"),
    constraint: text("constraint"),
    where: text("where"),
  };
};

type PostgresErrorFields = ReturnType<typeof fieldsOf>;

/** Whether Postgres sent this error, not pg or Node. If so, `code` is an SQLSTATE. */
const isServerError = ({ code, severity }: PostgresErrorFields): boolean =>
  severity !== "" && /^[0-9A-Z]{5}$/.test(code);

/** An SQLSTATE that `sqlStates` lacks is an error of the row: invalid data, or a user's trigger refuses the row. */
const codeOfState = (state: string): SinkErrorCode =>
  sqlStates[state] ?? sqlStates[state.slice(0, 2)] ?? "SINK_REJECTED";

const codeOfClient = ({ code, message }: PostgresErrorFields): SinkErrorCode =>
  clientMessages.find(([text]) => message.includes(text))?.[1] ?? codeOfNetworkError(code);

/** Whether the message quotes no values. If `where` is set, a user's function or trigger may have made the message. */
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

/** SQLSTATEs after which the connection may be lost. `severity` would tell this too, but Postgres translates it. */
const fatalStates = /^(08|57P|58|F0|XX)/;

/** Whether the connection still works after this error. If not, the connection must not go back to the pool. */
export const isConnectionGood = (error: unknown): boolean => {
  const fields = fieldsOf(error);
  return isServerError(fields) && !fatalStates.test(fields.code);
};

/** Turns any error into a `SinkError` without values. The cause is a copy without values if Postgres sent the error. */
export const classify = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const fields = fieldsOf(error);
  const code = codeOf(error);
  if (!isServerError(fields)) return new SinkError(code, `[${sink}] ${fields.message}`, { cause: error });
  const description = describe(fields);
  const cause = Object.assign(new Error(description), { code: fields.code });
  return new SinkError(code, `[${sink}] Postgres answered ${description}${errorHint(code)}`, { cause });
};
