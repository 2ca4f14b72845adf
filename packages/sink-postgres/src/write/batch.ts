// The course of a batch: one statement where the server accepts all rows, and smaller ones around a row that it refuses.

import {
  type DeliveryError,
  delivered,
  type EncodedBatch,
  failAll,
  halves,
  isTargetWide,
  notStarted,
  SinkError,
  superseded,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";

const versionOf = ({ delivery }: RowEntry): string => delivery.change.version;

/** Code-unit order: the same in every writer, whatever its locale. */
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/**
 * Orders the entries by row, so that two writers lock rows in the same order and do not deadlock. Where the key mapping
 * sends two items to one row, the newest version stays.
 */
export const sortByRow = (entries: readonly RowEntry[]): EncodedBatch<RowEntry> => {
  const ordered = [...entries].sort(
    (one, other) => compare(one.rowKey, other.rowKey) || compare(versionOf(one), versionOf(other)),
  );
  const isLast = (entry: RowEntry, index: number): boolean => entry.rowKey !== ordered[index + 1]?.rowKey;
  const winners = ordered.filter(isLast);
  if (winners.length === ordered.length) return { entries: winners, results: [] };
  const losers = ordered.filter((entry, index) => !isLast(entry, index));
  return { entries: winners, results: losers.map(({ delivery }) => superseded(delivery)) };
};

/** The results of written entries: superseded at the one-based positions in `lost`, else delivered. */
export const resultsOf = (entries: readonly RowEntry[], lost: string | null): WriteResult[] => {
  const positions = new Set(lost === null ? [] : lost.split(",").map(Number));
  return entries.map(({ delivery }, index) => (positions.has(index + 1) ? superseded(delivery) : delivered(delivery)));
};

/** Older changes, then newer ones: an older change may free a unique value that a newer change gives to another row. */
const halvesByAge = (entries: readonly RowEntry[]): [RowEntry[], RowEntry[]] =>
  halves([...entries].sort((one, other) => compare(versionOf(one), versionOf(other))));

/**
 * Whether to reject the whole write. After a timeout only the remaining entries fail, so that encoding errors keep
 * their results.
 */
const isUnusable = (error: DeliveryError): boolean =>
  error instanceof SinkError && isTargetWide(error.code) && error.code !== "SINK_TIMEOUT";

const giveUp = (results: readonly WriteResult[], rest: readonly RowEntry[], error: DeliveryError): WriteResult[] => {
  if (results.length === 0 && isUnusable(error)) throw error;
  return [...results, ...failAll(rest, error)];
};

/** Sends rows as one statement. Rejects with a SinkError that all of them share. */
type SendRows = (part: readonly RowEntry[]) => Promise<readonly WriteResult[]>;

const attempt = async (part: readonly RowEntry[], send: SendRows): Promise<readonly WriteResult[] | SinkError> => {
  try {
    return await send(part);
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
};

/**
 * Sends the entries, and sends them again in halves as long as the server refuses something in them. Any other error ends
 * the loop: entries without a result then fail with that error.
 * @throws {SinkError} when the target as a whole is unusable and there is no result yet.
 */
export const sendInParts = async (
  sink: string,
  entries: readonly RowEntry[],
  send: SendRows,
  signal: AbortSignal,
): Promise<WriteResult[]> => {
  const results: WriteResult[] = [];
  const parts: (readonly RowEntry[])[] = entries.length === 0 ? [] : [entries];
  for (let part = parts[0]; part !== undefined; part = parts[0]) {
    if (signal.aborted) return giveUp(results, parts.flat(), notStarted(sink));
    const sent = await attempt(part, send);
    if (sent instanceof SinkError && sent.code !== "SINK_REJECTED") return giveUp(results, parts.flat(), sent);
    parts.shift();
    if (!(sent instanceof SinkError)) results.push(...sent);
    else if (part.length > 1) parts.unshift(...halvesByAge(part));
    else results.push(...failAll(part, sent));
  }
  return results;
};
