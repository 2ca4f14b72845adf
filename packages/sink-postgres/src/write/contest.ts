// Writes deliveries to rows in which several items meet. It reads the whole state of the rows, decides, and replaces the
// states that are still as they were read. If another writer was faster, it reads again.

import { SinkError, type UpsertDelivery } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { Cell } from "./codec.ts";
import { type CellColumns, literals, positionsOf } from "./parameters.ts";
import {
  apply,
  type OwnedWrite,
  type RowContent,
  type RowState,
  readState,
  type StoredState,
  shownEntry,
  storedState,
} from "./row-state.ts";
import type { SharedPlan } from "./shared-plan.ts";
import type { SharedRow, StateSwap } from "./shared-statements.ts";

/** What writing to shared rows needs. */
export interface SharedContext {
  readonly session: Session;
  /** The sink's name, for errors. */
  readonly sink: string;
  readonly plan: SharedPlan;
}

/** Thrown when a statement wrote nothing, because the table's columns have changed. */
export class ColumnsChanged extends Error {
  override name = "ColumnsChanged";
}

/** A write of one owner to one row. */
export interface Contestant {
  readonly delivery: UpsertDelivery<unknown>;
  /** The cells of the key columns come first. */
  readonly cells: readonly Cell[];
  readonly write: OwnedWrite;
}

/** The outcome of a write. `overtaken` means that other writers changed the row each time between read and write. */
export type ContestOutcome = "delivered" | "superseded" | "overtaken";

/** The contestants of one row, with the row's state as it was read and the state after their writes. */
interface Meeting {
  readonly keys: readonly Cell[];
  readonly contestants: readonly Contestant[];
  readonly accepted: ReadonlySet<Contestant>;
  readonly seen: StoredState;
  readonly before: RowState;
  readonly after: RowState;
}

const cellsNamed = (row: SharedRow, prefix: "k" | "v", count: number): Cell[] =>
  Array.from({ length: count }, (_, index) => row[`${prefix}${index}`] ?? null);

/** Returns the content of these columns. */
export const contentOf = ({ columns, positions }: CellColumns, cells: readonly Cell[]): RowContent =>
  Object.fromEntries(columns.map(({ name }, index) => [name, cells[positions?.[index] ?? index] ?? null]));

const storedStateOf = ({ version, removed, owner, claims }: SharedRow): StoredState => ({
  version,
  removedAt: removed === null ? null : Number(removed),
  owner,
  claims: claims === null ? null : (JSON.parse(claims) as StoredState["claims"]),
});

/** Reads the rows of the contestants. A contestant whose key the version table lacks has no row. */
export const readShared = async (
  { session, sink, plan }: SharedContext,
  contestants: readonly Contestant[],
): Promise<ReadonlyMap<Contestant, SharedRow>> => {
  const keys = literals(sink, { columns: plan.keys }, contestants);
  const { rows } = await session.query(plan.read, keys);
  const found = new Map<Contestant, SharedRow>();
  for (const row of rows as readonly SharedRow[]) {
    const contestant = contestants[Number(row.position) - 1];
    if (contestant !== undefined) found.set(contestant, row);
  }
  return found;
};

const meet = (plan: SharedPlan, row: SharedRow, contestants: readonly Contestant[]): Meeting => {
  const seen = storedStateOf(row);
  const cells = cellsNamed(row, "v", plan.columns.length);
  const before = readState(seen, row.isThere === "true" ? contentOf(plan, cells) : undefined, Number(row.now));
  const accepted = new Set<Contestant>();
  let after = before;
  for (const contestant of contestants) {
    const next = apply(after, contestant.write, Number(row.now));
    if (next === undefined) continue;
    accepted.add(contestant);
    after = next;
  }
  return { keys: cellsNamed(row, "k", plan.keys.length), contestants, accepted, seen, before, after };
};

/** Groups the contestants by the row of the version table: keys with different texts may be equal to Postgres. */
export const meetings = (plan: SharedPlan, rows: ReadonlyMap<Contestant, SharedRow>): Meeting[] => {
  const groups = new Map<string, { readonly row: SharedRow; readonly contestants: Contestant[] }>();
  for (const [contestant, row] of rows) {
    const key = JSON.stringify(cellsNamed(row, "k", plan.keys.length));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { row, contestants: [contestant] });
    else group.contestants.push(contestant);
  }
  return [...groups.values()].map(({ row, contestants }) => meet(plan, row, contestants));
};

interface WrittenRow {
  readonly position: number;
  readonly cells: readonly Cell[];
}

/** Returns the rows to write for a meeting: the content to show, and for their check the contents that are not shown. */
const rowsOfMeeting = (plan: SharedPlan, meeting: Meeting, position: number): WrittenRow[] => {
  const cellsOf = (content: RowContent): Cell[] => plan.columns.map(({ name }) => content[name] ?? null);
  const [owner, shown] = shownEntry(meeting.after) ?? [];
  const hidden = [...meeting.accepted].flatMap(({ write }) =>
    write.content === undefined || write.owner === owner ? [] : [{ position: 0, cells: cellsOf(write.content) }],
  );
  const isShownAlready =
    owner !== undefined && meeting.before.get(owner) === shown && shownEntry(meeting.before)?.[0] === owner;
  if (shown?.content === undefined || isShownAlready) return hidden;
  return [{ position, cells: cellsOf(shown.content) }, ...hidden];
};

const swapOf = ({ seen, after }: Meeting, position: number): StateSwap[] => {
  const next = storedState(after);
  if (next === undefined) return [];
  return [
    {
      position,
      seen_version: seen.version,
      seen_removed: seen.removedAt !== null,
      seen_owner: seen.owner,
      seen_claims: seen.claims,
      version: next.version,
      removed_at: next.removedAt,
      owner: next.owner,
      claims: next.claims,
      deletes_row: next.removedAt !== null,
    },
  ];
};

interface SwapAnswer {
  readonly current: boolean;
  readonly swapped: string | null;
}

/** Replaces the states of the meetings. Returns the meetings whose states were still as they were read. */
const swap = async (
  { session, sink, plan }: SharedContext,
  changed: readonly Meeting[],
): Promise<ReadonlySet<Meeting>> => {
  const rows = changed.flatMap((meeting, index) => rowsOfMeeting(plan, meeting, index + 1));
  const keys = changed.map((meeting) => ({ cells: meeting.keys }));
  const parameters = [
    ...literals(sink, plan, rows),
    ...literals(sink, { columns: plan.keys }, keys),
    rows.map(({ position }) => position).join(","),
    JSON.stringify(changed.flatMap((meeting, index) => swapOf(meeting, index + 1))),
  ];
  const { current, swapped } = (await session.query(plan.swap, parameters)).rows[0] as SwapAnswer;
  if (!current) throw new ColumnsChanged();
  const positions = positionsOf(swapped);
  return new Set(changed.filter((_, index) => positions.has(index + 1)));
};

/** Creates the missing rows of the version table. */
const create = async ({ session, sink, plan }: SharedContext, absent: readonly Contestant[]): Promise<void> => {
  const { rows } = await session.query(plan.create, literals(sink, { columns: plan.keys }, absent));
  if (!(rows[0] as Pick<SwapAnswer, "current">).current) throw new ColumnsChanged();
};

/**
 * Sends the statements of a contest without rows. @throws {SinkError} if Postgres refuses one of them.
 * @throws {ColumnsChanged} when the columns have changed.
 */
export const contestNothing = async (context: SharedContext): Promise<void> => {
  await readShared(context, []);
  await create(context, []);
  await swap(context, []);
};

/** Settles what it can, and returns the contestants that must be read again. */
const contestOnce = async (
  context: SharedContext,
  contestants: readonly Contestant[],
  outcomes: Map<Contestant, ContestOutcome>,
): Promise<Contestant[]> => {
  const rows = await readShared(context, contestants);
  const absent = contestants.filter((one) => !rows.has(one));
  for (const one of absent) if (one.write.isOnlyIfPresent) outcomes.set(one, "superseded");
  const created = absent.filter((one) => !one.write.isOnlyIfPresent);
  if (created.length > 0) {
    await create(context, created);
    // One statement writes the contestants of all rows: if Postgres refuses one of them, none is written.
    return contestants.filter((one) => !outcomes.has(one));
  }
  const met = meetings(context.plan, rows);
  const changed = met.filter(({ accepted }) => accepted.size > 0);
  const swapped = changed.length === 0 ? new Set<Meeting>() : await swap(context, changed);
  const overtaken = changed.filter((meeting) => !swapped.has(meeting));
  for (const { contestants: settled, accepted } of met.filter((meeting) => !overtaken.includes(meeting))) {
    for (const one of settled) outcomes.set(one, accepted.has(one) ? "delivered" : "superseded");
  }
  return overtaken.flatMap((meeting) => meeting.contestants);
};

const maxAttempts = 20;

/** Writes the contestants, and returns the outcome of each. */
export const contest = async (
  context: SharedContext,
  contestants: readonly Contestant[],
): Promise<ReadonlyMap<Contestant, ContestOutcome>> => {
  const outcomes = new Map<Contestant, ContestOutcome>();
  let left: readonly Contestant[] = contestants;
  for (let attempt = 0; left.length > 0 && attempt < maxAttempts; attempt++) {
    left = await contestOnce(context, left, outcomes);
  }
  for (const one of left) outcomes.set(one, "overtaken");
  return outcomes;
};

/** The error of a write that other writers have overtaken each time. */
export const overtakenError = (sink: string): SinkError =>
  new SinkError(
    "SINK_CONFLICT",
    `[${sink}] other writers changed a row that several items share, ${maxAttempts} times in a row`,
  );
