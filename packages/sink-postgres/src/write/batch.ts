// What becomes of a batch: one statement when all is well, and smaller ones around the row that the server refuses.

import {
  DeadlineError,
  type DeliveryError,
  delivered,
  failed,
  RecordError,
  SinkError,
  type SinkErrorCode,
  superseded,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { Entry } from "../encode.ts";

/** Entries of distinct rows, and the results of those that need no write. */
export interface Sorted {
  readonly entries: readonly Entry[];
  readonly settled: readonly WriteResult[];
}

const versionOf = ({ delivery }: Entry): string => delivery.change.version;

/** Code-unit order: the same in every writer, whatever its locale. */
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Encodes the deliveries; those that cannot be encoded are settled. */
export const encodeAll = (
  batch: readonly UpsertDelivery<unknown>[],
  encode: (delivery: UpsertDelivery<unknown>) => Entry,
): Sorted => {
  const entries: Entry[] = [];
  const settled: WriteResult[] = [];
  for (const delivery of batch) {
    try {
      entries.push(encode(delivery));
    } catch (error) {
      if (!(error instanceof SinkError) && !(error instanceof RecordError)) throw error;
      settled.push(failed(delivery, error));
    }
  }
  return { entries, settled };
};

/**
 * Orders the entries by row, so that two writers lock rows in the same order and do not deadlock. Where the key mapping
 * sends two items to one row, the newest version stays.
 */
export const sortByRow = (entries: readonly Entry[]): Sorted => {
  const ordered = [...entries].sort(
    (one, other) => compare(one.rowKey, other.rowKey) || compare(versionOf(one), versionOf(other)),
  );
  const isLast = (entry: Entry, index: number): boolean => entry.rowKey !== ordered[index + 1]?.rowKey;
  const winners = ordered.filter(isLast);
  if (winners.length === ordered.length) return { entries: winners, settled: [] };
  const losers = ordered.filter((entry, index) => !isLast(entry, index));
  return { entries: winners, settled: losers.map(({ delivery }) => superseded(delivery)) };
};

/** WriteResults of entries that were written, but for those at the given one-based positions. */
export const settle = (entries: readonly Entry[], lost: string | null): WriteResult[] => {
  const positions = new Set(lost === null ? [] : lost.split(",").map(Number));
  return entries.map(({ delivery }, index) => (positions.has(index + 1) ? superseded(delivery) : delivered(delivery)));
};

/** Older changes first: a unique value that moved from one row to another is free by then. */
const halves = (entries: readonly Entry[]): [Entry[], Entry[]] => {
  const ordered = [...entries].sort((one, other) => compare(versionOf(one), versionOf(other)));
  const middle = Math.ceil(ordered.length / 2);
  return [ordered.slice(0, middle), ordered.slice(middle)];
};

const failAll = (entries: readonly Entry[], error: DeliveryError): WriteResult[] =>
  entries.map(({ delivery }) => failed(delivery, error));

/** The error of what was not started when the signal aborted. */
export const unstarted = (): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", "the invocation's time was over before the write was started");

/** Codes that say nothing of a delivery: the target as a whole is unusable. */
const targetWide: ReadonlySet<SinkErrorCode> = new Set([
  "SINK_DENIED",
  "SINK_MISSING",
  "SINK_UNAVAILABLE",
  "SINK_THROTTLED",
]);

const giveUp = (settled: readonly WriteResult[], rest: readonly Entry[], error: DeliveryError): WriteResult[] => {
  if (settled.length === 0 && error instanceof SinkError && targetWide.has(error.code)) throw error;
  return [...settled, ...failAll(rest, error)];
};

type Send = (part: readonly Entry[]) => Promise<readonly WriteResult[]>;

/** The results of a part, or the error that all of it met. */
const attempt = async (part: readonly Entry[], send: Send): Promise<readonly WriteResult[] | SinkError> => {
  try {
    return await send(part);
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
};

/**
 * Sends the entries, and again in halves as long as the server refuses something in them. Any other failure ends it:
 * what is not settled by then fails with that error.
 * @throws {SinkError} when the target as a whole is unusable and nothing was settled before
 */
export const sendInParts = async (
  entries: readonly Entry[],
  send: Send,
  signal: AbortSignal,
): Promise<WriteResult[]> => {
  const settled: WriteResult[] = [];
  const parts: (readonly Entry[])[] = entries.length === 0 ? [] : [entries];
  for (let part = parts[0]; part !== undefined; part = parts[0]) {
    if (signal.aborted) return giveUp(settled, parts.flat(), unstarted());
    const sent = await attempt(part, send);
    if (sent instanceof SinkError && sent.code !== "SINK_REJECTED") return giveUp(settled, parts.flat(), sent);
    parts.shift();
    if (!(sent instanceof SinkError)) settled.push(...sent);
    else if (part.length > 1) parts.unshift(...halves(part));
    else settled.push(...failAll(part, sent));
  }
  return settled;
};
