// Turns an error of Postgres or pg into an error code. Postgres' messages about data quote values ("Key (id)=(…)
// already exists"), so the sink's error then contains only SQLSTATE, column name and constraint name.

import { codeOfNetworkError, errorHint, outcomeOf, SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";

/** Codes by SQLSTATE, or by its first two characters. A whole SQLSTATE has priority. @see https://www.postgresql.org/docs/18/errcodes-appendix.html (read 2026-11-23) */
const sqlStates: Readonly<Record<string, SinkErrorCode>> = {
  "08": "SINK_UNAVAILABLE", // connection exception
  "0A": "SINK_MISSING", // feature not supported: a view that cannot be written, or ON CONFLICT on a foreign table
  "23503": "SINK_REFERENCE_MISSING", // foreign key violation: the parent may follow
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

/**
 * Matches SQLSTATEs of errors whose messages name relations, roles or settings, but quote no values. The input functions
 * of `tsvector`, `ltree` and `jsonpath` use 42601 for a bad value, which they quote.
 */
const classesWithoutValues = /^(08|0A|25|28|3D|3F|40|42(?!601)|53|55|57)/;

/** Messages of other classes that name only a type, a constraint or a limit. */
const messagesWithoutValues = /^(value too long for type [a-z ]+\(\d+\)|numeric field overflow|division by zero)$/;

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
    dataType: text("dataType"),
    where: text("where"),
    routine: text("routine"),
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
const hasNoValues = ({ code, where, message }: PostgresErrorFields): boolean =>
  where === "" && (classesWithoutValues.test(code) || messagesWithoutValues.test(message));

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

/** The state of a connection after an error. A doubtful connection works if it answers another query. */
export type ConnectionState = "good" | "doubtful" | "lost";

/** SQLSTATEs after which the connection may be lost, if the server translates the severity `ERROR`. */
const doubtfulStates = /^(08|57P|58|F0|XX)/;

/** Whether the server itself is read-only, not a function: it is a replica, or became one in a failover. */
export const isReadOnly = (error: unknown): boolean => {
  const { code, where } = fieldsOf(error);
  return code === "25006" && where === "";
};

/** Whether the server refuses the user or the password. */
export const isPasswordRefused = (error: unknown): boolean => fieldsOf(error).code.startsWith("28");

/**
 * The state of the connection after this error. Only a good connection may go back to the pool. A connection whose
 * server is read-only (25006) counts as lost: after a failover, a new connection may reach the new primary server.
 */
export const connectionAfter = (error: unknown): ConnectionState => {
  const fields = fieldsOf(error);
  if (!isServerError(fields) || isReadOnly(error)) return "lost";
  if (fields.severity === "ERROR") return "good";
  if (fields.severity === "FATAL" || fields.severity === "PANIC") return "lost";
  return doubtfulStates.test(fields.code) ? "doubtful" : "good";
};

/** Matches the context of a parameter that cannot be parsed, for example `unnamed portal parameter $2`, translated. */
const parameterContext = /^[^"()]*\$\d+/;

/** The cause of a `SinkError` if Postgres sent the error. It is a copy without values. */
class PostgresRefusal extends Error {
  override name = "PostgresRefusal";
  readonly code: string;
  /** Whether the error comes from inside a function or trigger. */
  readonly isInFunction: boolean;
  readonly namesColumn: boolean;
  /** Whether a domain refuses the value. */
  readonly isOfDomain: boolean;
  /** Whether a function in PL/pgSQL raised the error by the statement RAISE, with an SQLSTATE of its own choice. */
  readonly isRaised: boolean;

  constructor(fields: PostgresErrorFields) {
    super(describe(fields));
    this.code = fields.code;
    this.isInFunction = fields.where !== "" && !parameterContext.test(fields.where);
    this.namesColumn = fields.column !== "";
    this.isOfDomain = fields.code === "23514" && fields.dataType !== "";
    this.isRaised = fields.routine === "exec_stmt_raise";
  }
}

/** Whether Postgres may refuse the same statement without rows. A constraint (class 23) is only violated by a row. */
export const mayConcernTarget = ({ cause }: SinkError): boolean =>
  cause instanceof PostgresRefusal && (cause.isInFunction || !cause.code.startsWith("23"));

/**
 * SQLSTATEs for the state of the server, the connection or other transactions. No row causes them, unless a function
 * raises them.
 */
const serverStates = /^(08|25|26|28|3D|40|53|55006|57(?!014)|58|F0)/;

/** Whether the error is about the server or the connection, so that no other statement can succeed now. */
export const concernsServer = ({ cause, code }: SinkError): boolean =>
  cause instanceof PostgresRefusal ? serverStates.test(cause.code) && !cause.isRaised : outcomeOf(code) === "retry";

/**
 * Whether a row that is refused alone with this error is retried alone. A row that is locked by another session runs
 * into a `statement_timeout`, and is not at fault.
 */
export const isRetriedAlone = ({ cause, code }: SinkError): boolean =>
  code === "SINK_CONFLICT" || (code === "SINK_TIMEOUT" && !(cause instanceof PostgresRefusal && cause.isRaised));

/**
 * Whether only a row can cause this error, given that Postgres takes the same statement without rows: a type refuses a
 * value with a state of class 42. 42501 is excluded, because a sequence without `GRANT` is only found with a row.
 */
export const isRowOnly = ({ cause }: SinkError): boolean =>
  cause instanceof PostgresRefusal && /^42(?!501)/.test(cause.code) && !cause.isInFunction;

/** Whether Postgres refuses only the row, whether it is rejected or waits for another row. */
export const isOfRow = ({ code }: SinkError): boolean =>
  code === "SINK_REFERENCE_MISSING" || outcomeOf(code) === "reject";

/** Whether the row may be taken when other rows of its batch are written: a key or a unique value that another row has. */
export const mayDependOnRows = ({ cause }: SinkError): boolean =>
  cause instanceof PostgresRefusal && /^23(001|503|505|P01)$/.test(cause.code);

/** SQLSTATEs of a value that its type refuses. The input functions of `jsonpath`, `tsvector` and `ltree` use 42601. */
const valueStates = /^(22|42601)/;

/** Whether Postgres refuses a value, and does not say in which column. */
export const isAboutSomeValue = ({ cause }: SinkError): boolean =>
  cause instanceof PostgresRefusal &&
  (valueStates.test(cause.code) || cause.isOfDomain) &&
  !cause.isInFunction &&
  !cause.namesColumn;

/** Whether two rows of one statement have keys that are equal to Postgres, though not as texts. */
export const hasEqualKeys = ({ cause }: SinkError): boolean =>
  cause instanceof PostgresRefusal && cause.code === "21000" && !cause.isInFunction;

/** Whether a statement with children failed because it missed a row that it should have deleted. */
export const missedSurplus = ({ cause }: SinkError): boolean =>
  cause instanceof PostgresRefusal && cause.code === "2201W" && !cause.isInFunction;

/** The error of a row that Postgres refuses although it takes other rows. */
export const rowFault = (sink: string, { cause }: SinkError): SinkError => {
  const description = cause instanceof PostgresRefusal ? cause.message : "an error";
  return new SinkError("SINK_REJECTED", `[${sink}] Postgres refused only this row: ${description}`, { cause });
};

/** Turns any error into a `SinkError` without values. The cause is a copy without values if Postgres sent the error. */
export const classify = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const fields = fieldsOf(error);
  const code = codeOf(error);
  if (!isServerError(fields)) return new SinkError(code, `[${sink}] ${fields.message}`, { cause: error });
  const cause = new PostgresRefusal(fields);
  return new SinkError(code, `[${sink}] Postgres answered ${cause.message}${errorHint(code)}`, { cause });
};
