// Lists dead letters as a table. The table contains no item values, except keys if the user wants them.

import type { Envelope } from "@sluice/core/envelope";
import { groupBy, type Image } from "@sluice/core/sink-kit";
import { ageText, withSeparators } from "../terminal/format.ts";
import { cut } from "../terminal/plain-text.ts";
import { tableLines } from "../terminal/table.ts";

/** The data of a dead letter that the table needs. */
type DeadLetterRow = Omit<Envelope, "record"> & { readonly keys: Image | undefined };

/** Returns the data for the table. Leaves out the record, because all records together may exceed the memory. */
export const rowOf = ({ record, ...columns }: Envelope): DeadLetterRow => ({ ...columns, keys: record.dynamodb?.Keys });

/** Matches the parts in which messages of one reason differ: quoted texts, addresses, ids and numbers. */
const details =
  /(SQLSTATE \w{5}\b(?:, column "\w+")?)|"[^"]*"|'[^']*'|\b(?:s3|https?|arn):\S+|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\d+/g;

const maxMessageLength = 1_000;
const maxReasonLength = 100;

/** Returns the message without the parts in which messages of one reason differ. Keeps Postgres' code and the column. */
export const reasonOf = (message: string): string =>
  cut(
    message.slice(0, maxMessageLength).replace(details, (_, kept?: string) => kept ?? "…"),
    maxReasonLength,
  );

/** Sorts dead letters, the oldest first. */
export const byFirstFailure = (one: Pick<Envelope, "firstFailedAt">, other: Pick<Envelope, "firstFailedAt">): number =>
  one.firstFailedAt < other.firstFailedAt ? -1 : Number(one.firstFailedAt > other.firstFailedAt);

/** Returns the keys if they are a key of DynamoDB. A forged record may have any JSON there. */
export const plainKeys = (keys: Image | undefined): Image | undefined => {
  if (typeof keys !== "object" || keys === null) return undefined;
  const isKey = (value: unknown): boolean => {
    const [[type = "", text] = [], another] = Object.entries(value ?? {});
    return another === undefined && ["S", "N", "B"].includes(type) && typeof text === "string";
  };
  return Object.values(keys).every(isKey) ? keys : undefined;
};

/** Formats keys as JSON. A forged record may have keys of thousands of levels. */
const keysText = (keys: Image | undefined): string => {
  try {
    return JSON.stringify(keys ?? {});
  } catch {
    return "?";
  }
};

/** Formats a table with one line for each dead letter. The oldest dead letter comes first. */
export const deadLetterLines = (rows: readonly DeadLetterRow[], hasKeys: boolean, now: number): string[] => {
  const cells = [...rows].sort(byFirstFailure).map(({ id, sink, code, firstFailedAt, attempts, keys }) => {
    const key = hasKeys ? [keysText(keys)] : [];
    return [id, sink, code, ageText(firstFailedAt, now), String(attempts), ...key];
  });
  return tableLines(["id", "sink", "code", "age", "attempts", ...(hasKeys ? ["key"] : [])], cells);
};

/** Formats a table with one line for each combination of pipeline, sink, code and reason. */
export const groupLines = (rows: readonly DeadLetterRow[], now: number): string[] => {
  const nameOf = ({ pipeline, sink, code, message }: DeadLetterRow): string =>
    JSON.stringify([pipeline, sink, code, reasonOf(message)]);
  const groups = groupBy([...rows].sort(byFirstFailure), nameOf);
  const cells = [...groups].sort().map(([, group]) => {
    const [oldest, newest] = [group[0] as DeadLetterRow, group.at(-1) as DeadLetterRow];
    const ages = [oldest, newest].map(({ firstFailedAt }) => ageText(firstFailedAt, now));
    return [oldest.pipeline, oldest.sink, oldest.code, withSeparators(group.length), ...ages, reasonOf(oldest.message)];
  });
  return tableLines(["pipeline", "sink", "code", "count", "oldest", "newest", "reason"], cells);
};
