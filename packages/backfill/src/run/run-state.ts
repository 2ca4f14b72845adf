// The state of a run: what it copies, and how far each unit is. It is kept in a store, so that a run can be resumed.

import type { Micros } from "../record/records.ts";
import { type Unit, unitName } from "../source/source.ts";
import { addCounts, noCounts, type WorkCounts } from "./counts.ts";

/** How far a unit is. */
export interface UnitState {
  readonly unit: Unit;
  /** Where the unit continues; undefined at its start, and when it is done. */
  readonly cursor?: string | undefined;
  readonly counts: WorkCounts;
  readonly isDone: boolean;
}

/** What a run is about. A run is resumed only with the same values. */
export interface RunSubject {
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Name of the source, as `ItemSource.name` has it. */
  readonly source: string;
  readonly tableArn: string;
  readonly streamArn: string;
  /** Names of the routes that get the records. Undefined: all routes. */
  readonly routes?: readonly string[] | undefined;
}

/** The state of a run. It is plain JSON. */
export interface RunState extends RunSubject {
  /** Version of this format. */
  readonly format: 1;
  /** The run's id. */
  readonly run: string;
  /** The time at or after which the items are read: the fraction of all versions of the run. */
  readonly asOf: Micros;
  /** Start of the run, in ISO format. */
  readonly startedAt: string;
  readonly units: readonly UnitState[];
}

/** A run cannot be resumed. The message says what was found, what was expected, and what to do. */
export class RunStateError extends Error {
  override name = "RunStateError";
}

/** Creates the state of a run that has done nothing yet. */
export const newRun = (
  run: string,
  subject: RunSubject,
  { asOf, now, units }: { readonly asOf: Micros; readonly now: number; readonly units: readonly Unit[] },
): RunState => ({
  format: 1,
  run,
  ...subject,
  asOf,
  startedAt: new Date(now).toISOString(),
  units: units.map((unit) => ({ unit, counts: noCounts, isDone: false })),
});

/** Adds the counts of all units. */
export const runTotals = ({ units }: Pick<RunState, "units">): WorkCounts =>
  units.reduce((sum, { counts }) => addCounts(sum, counts), noCounts);

/** Whether every unit of the run is done. */
export const isRunDone = ({ units }: Pick<RunState, "units">): boolean => units.every(({ isDone }) => isDone);

/**
 * A run may be resumed for 14 days. Tombstones live for 29 days at least, and a change may wait for 28 days. What a run
 * wrote weeks ago is nothing that its end should rely on: docs/decisions/0062-runs-that-can-be-resumed.md.
 */
export const resumableDays = 14;

const dayMs = 86_400_000;

const listed = (routes: readonly string[] | undefined): string => routes?.join(", ") ?? "all routes";

/** The members of a subject that must be equal, and how a message calls them. */
const compared: readonly (readonly [string, (subject: RunSubject) => string])[] = [
  ["the pipeline", ({ pipeline }) => pipeline],
  ["the source", ({ source }) => source],
  ["the table", ({ tableArn }) => tableArn],
  ["the stream", ({ streamArn }) => streamArn],
  ["the routes", ({ routes }) => listed(routes)],
];

/** Checks that a run may be resumed. @throws {RunStateError} when it is another run, or too old */
export const checkResume = (state: RunState, subject: RunSubject, now: number): void => {
  for (const [name, textOf] of compared) {
    const [was, is] = [textOf(state), textOf(subject)];
    if (was === is) continue;
    throw new RunStateError(
      `run ${state.run} belongs to other work: ${name} was ${was}, and is now ${is}; expected the same, or another --run`,
    );
  }
  if (now - Date.parse(state.startedAt) <= resumableDays * dayMs) return;
  throw new RunStateError(
    `run ${state.run} started at ${state.startedAt}, more than ${resumableDays} days ago; expected a new run, with another --run`,
  );
};

/** Identifies a unit in its run. The content of a file may change: a damaged one is replaced. */
const identityOf = (unit: Unit): string => `${unit.kind} ${unitName(unit)}`;

/**
 * Checks that a source has the units of the state, and returns the state. A file that was replaced, with another checksum
 * in the manifest, is copied from its start.
 * @throws {RunStateError} when the source has other units
 */
export const checkUnits = (state: RunState, units: readonly Unit[]): RunState => {
  const present = new Map(units.map((unit) => [identityOf(unit), unit]));
  const known = new Set(state.units.map(({ unit }) => identityOf(unit)));
  const other = units.find((unit) => !known.has(identityOf(unit)));
  if (other !== undefined || present.size !== known.size) {
    const found = other === undefined ? `${units.length} units instead of ${known.size}` : unitName(other);
    throw new RunStateError(
      `run ${state.run} began with other parts of ${state.source}: it has now ${found}; expected the same source`,
    );
  }
  const renewed = (was: UnitState): UnitState => {
    const unit = present.get(identityOf(was.unit)) ?? was.unit;
    return JSON.stringify(unit) === JSON.stringify(was.unit) ? was : { unit, counts: noCounts, isDone: false };
  };
  return { ...state, units: state.units.map(renewed) };
};
