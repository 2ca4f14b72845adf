// Dead letters in groups of one route, code and reason; filters and the selection of rows.

import type { DeadLetterResult, DeadLetterRow } from "../../api/dead-letters.ts";
import { keyText } from "../format.ts";

/** Which dead letters are shown. */
export interface LetterFilter {
  readonly route?: string | undefined;
  readonly code?: string | undefined;
  /** A text within the key, the reason, the id or the event's id. */
  readonly text?: string | undefined;
}

/** Dead letters that failed in the same way. */
export interface LetterGroup {
  readonly id: string;
  readonly route: string;
  readonly code: string;
  readonly reason: string;
  /** Oldest first. */
  readonly rows: readonly DeadLetterRow[];
  /** ISO 8601. */
  readonly oldestAt: string;
}

/** What a redrive, an edit or a dry run said of a dead letter. */
export interface LetterOutcome {
  readonly result: DeadLetterResult;
  /** Whether it is what a redrive would do. */
  readonly isDryRun: boolean;
}

/** Whether a dead letter has left the queue, and is shown only for its outcome. */
export const isGone = (outcome: LetterOutcome | undefined): boolean =>
  outcome !== undefined && !outcome.isDryRun && !outcome.result.stays;

/** A line of the list. */
export type LetterEntry =
  | { readonly type: "group"; readonly group: LetterGroup }
  | { readonly type: "row"; readonly row: DeadLetterRow };

const searched = ({ keys, reason, id, eventId }: DeadLetterRow, searchesKeys: boolean): string =>
  [searchesKeys && keys !== undefined ? keyText(keys) : "", reason, id, eventId ?? ""].join("\n").toLowerCase();

/** The rows that match. `searchesKeys`: false where keys are hidden, so that a filter shows none. */
export const filterLetters = (
  rows: readonly DeadLetterRow[],
  { route, code, text }: LetterFilter,
  searchesKeys: boolean,
): readonly DeadLetterRow[] => {
  const wanted = text?.trim().toLowerCase() ?? "";
  return rows.filter(
    (row) =>
      (route === undefined || row.route === route) &&
      (code === undefined || row.code === code) &&
      (wanted === "" || searched(row, searchesKeys).includes(wanted)),
  );
};

/** Times of ISO 8601 are in order as texts. */
const oldestOf = (rows: readonly DeadLetterRow[]): string =>
  rows.map(({ firstFailedAt }) => firstFailedAt).sort()[0] ?? "";

/** Groups dead letters. The largest group comes first. */
export const groupLetters = (rows: readonly DeadLetterRow[]): readonly LetterGroup[] => {
  const groups = new Map<string, DeadLetterRow[]>();
  for (const row of rows) {
    const id = JSON.stringify([row.route, row.code, row.reason]);
    const own = groups.get(id);
    if (own === undefined) groups.set(id, [row]);
    else own.push(row);
  }
  return [...groups]
    .flatMap(([id, own]) => {
      const [first] = own;
      if (first === undefined) return [];
      const { route, code, reason } = first;
      return [{ id, route, code, reason, rows: own, oldestAt: oldestOf(own) }];
    })
    .sort((one, other) => other.rows.length - one.rows.length || (one.id < other.id ? -1 : 1));
};

/** The lines of the list: each group, and its rows if it is open. */
export const entriesOf = (groups: readonly LetterGroup[], closed: ReadonlySet<string>): readonly LetterEntry[] =>
  groups.flatMap((group): LetterEntry[] => [
    { type: "group", group },
    ...(closed.has(group.id) ? [] : group.rows.map((row): LetterEntry => ({ type: "row", row }))),
  ]);

/** How much of something is selected. */
export type Selected = "none" | "some" | "all";

/** How many of the ids are selected. */
export const selectedOf = (ids: readonly string[], selection: ReadonlySet<string>): Selected => {
  const count = ids.filter((id) => selection.has(id)).length;
  if (count === 0) return "none";
  return count === ids.length ? "all" : "some";
};

/** Adds ids to a selection, or takes them out. */
export const withSelected = (
  selection: ReadonlySet<string>,
  ids: readonly string[],
  isSelected: boolean,
): ReadonlySet<string> => {
  const next = new Set(selection);
  for (const id of ids) {
    if (isSelected) next.add(id);
    else next.delete(id);
  }
  return next;
};

/** The ids from one row to another in the order of the list, both included. Only `to` if `from` is not there. */
export const rangeOf = (order: readonly string[], from: string | undefined, to: string): readonly string[] => {
  const start = from === undefined ? -1 : order.indexOf(from);
  const end = order.indexOf(to);
  if (start < 0 || end < 0) return [to];
  return order.slice(Math.min(start, end), Math.max(start, end) + 1);
};

/** Counts rows by route, for people: `120 of search, 3 of billing`. */
export const byRouteText = (rows: readonly DeadLetterRow[]): string => {
  const counts = new Map<string, number>();
  for (const { route } of rows) counts.set(route, (counts.get(route) ?? 0) + 1);
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([route, count]) => `${count.toLocaleString("en")} of ${route}`)
    .join(", ");
};

/** The values that a filter offers. */
export const choicesOf = (rows: readonly DeadLetterRow[], member: "route" | "code"): readonly string[] =>
  [...new Set(rows.map((row) => row[member]))].sort();

/** Whether a typed confirmation is the number of messages, or the word DROP. */
export const confirmsDrop = (typed: string, count: number): boolean => {
  const text = typed.trim();
  return text === "DROP" || text.replaceAll(",", "") === String(count);
};
