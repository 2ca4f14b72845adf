// The state of a run as text, and how it is checked when it is read.

import { noCounts, type WorkCounts } from "./counts.ts";
import { type RunState, RunStateError, type UnitState } from "./run-state.ts";

type Members = { readonly [member: string]: unknown };

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCount = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value >= 0;

const countNames = Object.keys(noCounts) as (keyof WorkCounts)[];

/** Leaves out zeros, which most units of a young run have only. */
const shortCounts = (counts: WorkCounts): Partial<WorkCounts> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

const isUnit = (value: unknown): boolean =>
  isObject(value) &&
  (value.kind === "segment"
    ? isCount(value.segment) && isCount(value.segments)
    : value.kind === "file" && typeof value.key === "string" && typeof value.md5 === "string" && isCount(value.items));

const isUnitState = (value: unknown): boolean =>
  isObject(value) &&
  isUnit(value.unit) &&
  (value.cursor === undefined || typeof value.cursor === "string") &&
  (value.isDone === undefined || typeof value.isDone === "boolean") &&
  (value.counts === undefined ||
    (isObject(value.counts) &&
      Object.entries(value.counts).every(([name, count]) => name in noCounts && isCount(count))));

const texts = ["run", "pipeline", "source", "tableArn", "streamArn", "asOf", "startedAt"] as const;

const isRoutes = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((name) => typeof name === "string"));

/** Returns what is wrong with the members of a state; undefined if nothing is. */
const faultOf = (state: Members): string | undefined => {
  const missing = texts.find((name) => typeof state[name] !== "string");
  if (missing !== undefined) return `has no ${missing}`;
  if (!/^\d{16}$/.test(String(state.asOf))) return "has no asOf of 16 digits";
  if (Number.isNaN(Date.parse(String(state.startedAt)))) return "has a startedAt that is no time";
  if (!isRoutes(state.routes)) return "has routes that are no list of names";
  if (!Array.isArray(state.units)) return "has no units";
  const wrong = state.units.findIndex((unit) => !isUnitState(unit));
  return wrong === -1 ? undefined : `has a malformed unit at position ${wrong}`;
};

/** Returns the state as JSON. `writer` identifies the process, for stores that tell contents apart and not writers. */
export const stateText = (state: RunState, writer?: string): string =>
  JSON.stringify({
    ...state,
    ...(writer !== undefined && { writer }),
    units: state.units.map(({ unit, cursor, counts, isDone }) => ({
      unit,
      ...(cursor !== undefined && { cursor }),
      ...(counts.records + counts.readUnits > 0 && { counts: shortCounts(counts) }),
      ...(isDone && { isDone }),
    })),
  });

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const unitStateOf = ({ unit, cursor, counts, isDone }: Partial<UnitState>): UnitState => {
  const all = Object.fromEntries(countNames.map((name) => [name, counts?.[name] ?? 0])) as unknown as WorkCounts;
  return { unit: unit as UnitState["unit"], cursor, counts: all, isDone: isDone ?? false };
};

/**
 * Reads the state of a run from its text. `place` is where the text was.
 * @throws {RunStateError} when the text is not the state of this run
 */
export const stateIn = (text: string, run: string, place: string): RunState => {
  const value = parsed(text);
  const remedy = "expected the state of a run as sluice backfill writes it; give another --run to start anew";
  if (!isObject(value)) throw new RunStateError(`${place} is no JSON object; ${remedy}`);
  if (value.format !== 1) {
    throw new RunStateError(
      `${place} has format ${JSON.stringify(value.format)}; expected 1, of this version of Sluice`,
    );
  }
  const fault = faultOf(value);
  if (fault !== undefined) throw new RunStateError(`${place} ${fault}; ${remedy}`);
  if (value.run !== run) throw new RunStateError(`${place} is the state of run ${value.run}; expected run ${run}`);
  const { units, writer: _, ...rest } = value as unknown as RunState & { readonly writer?: unknown };
  return { ...rest, units: units.map(unitStateOf) };
};
