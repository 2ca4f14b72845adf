// Verifies a whole table in this process: reads all units, some at once, then settles all suspects together.

import type { Image } from "@sluice/core/envelope";
import { eachBounded, SinkError } from "@sluice/core/sink-kit";
import type { Invoke } from "../record/task.ts";
import { SourceError } from "../source/source.ts";
import { differing, type Finding, type VerifyTally } from "./classes.ts";
import type { PageRead, VerifyUnit } from "./reading.ts";
import { seenKeys } from "./seen-keys.ts";
import type { Suspect } from "./suspect.ts";
import { newTally } from "./tally.ts";
import { DiffersTooMuchError, type Reading, readUnit, settleSuspects, turnOf } from "./unit.ts";
import { limitsOf, nameOfTarget, type VerifyOptions, verificationOf } from "./verification.ts";

/** How far a run is. */
export interface VerifyProgress {
  /** `copies`: reads the keys of the targets. `items`: reads the table. `suspects`: looks at differences again. */
  readonly phase: "copies" | "items" | "suspects";
  readonly units: number;
  readonly unitsDone: number;
  /** Items that were read from the table, and copies whose keys were read. */
  readonly items: number;
  readonly copies: number;
  readonly readUnits: number;
  readonly suspects: number;
  readonly tally: VerifyTally;
}

/** How to verify a table. */
export interface VerifyTableRequest {
  readonly signal: AbortSignal;
  /** Only these items. Default: all items, and the copies without an item. */
  readonly keys?: readonly Image[];
  /** Units that are read at once. Default 4. */
  readonly parallel?: number;
  /** Called after each page, and after each look. */
  readonly onProgress?: (progress: VerifyProgress) => void;
  /** Called with all findings, as soon as each is known. The report has ten of each class. */
  readonly onFinding?: (finding: Finding) => void;
}

/** Result of a verification. */
export interface VerifyReport {
  /** Whether nothing differs. False if the run did not reach its end. */
  readonly isEqual: boolean;
  /** Whether the run reached its end. */
  readonly isComplete: boolean;
  /** Why the run stopped. */
  readonly stopped?: string;
  readonly tally: VerifyTally;
  /** Ten findings of each class and target. */
  readonly examples: readonly Finding[];
  /** Sentences about what the run could not see or repair. */
  readonly limits: readonly string[];
  readonly items: number;
  readonly copies: number;
  readonly readUnits: number;
}

const maxExamples = 10;

/** Keeps the first findings of each class and target. */
const exampleList = (): { readonly add: (finding: Finding) => void; readonly list: () => readonly Finding[] } => {
  const kept: Finding[] = [];
  const counts = new Map<string, number>();
  return {
    add: (finding) => {
      const group = `${finding.target} ${finding.class} ${finding.repair}`;
      const count = counts.get(group) ?? 0;
      counts.set(group, count + 1);
      if (count < maxExamples) kept.push(finding);
    },
    list: () => kept,
  };
};

/**
 * Returns the units of a run: parts of the targets' keys, and then segments of the table. Read the parts first: an item that is
 * inserted between the two is then compared with its copy, even if the copy was a ghost before.
 */
export const verifyUnits = async (options: VerifyOptions, parts = 4): Promise<readonly VerifyUnit[]> => {
  const { source, comparable } = verificationOf(options);
  const targets = comparable.filter(({ sink }) => sink.keys !== undefined).map(nameOfTarget);
  const units = await source.units();
  return [
    ...targets.flatMap((target) =>
      Array.from({ length: parts }, (_, part): VerifyUnit => ({ kind: "copies", target, part, parts })),
    ),
    ...units.map((unit): VerifyUnit => ({ kind: "items", unit })),
  ];
};

/** A run and what it has found so far. */
interface Run extends Omit<Reading, "onPage"> {
  /** The last error of the handler that writes repairs. */
  readonly broken: { error?: unknown };
  readonly request: VerifyTableRequest;
  readonly examples: ReturnType<typeof exampleList>;
  readonly progress: Mutable<Omit<VerifyProgress, "suspects" | "tally">>;
}

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

const tell = ({ request, progress, suspects, tally }: Run): void =>
  request.onProgress?.({ ...progress, suspects: suspects.length, tally: tally.total() });

const readWhole = async (run: Run, unit: VerifyUnit): Promise<void> => {
  const { turn, progress } = run;
  if (turn.signal.aborted) return;
  const counted = unit.kind === "copies" ? "copies" : "items";
  progress.phase = counted;
  const onPage = ({ items, readUnits }: PageRead): void => {
    progress[counted] += items;
    progress.readUnits += readUnits;
    tell(run);
  };
  await readUnit({ ...run, onPage }, unit, "");
  progress.unitsDone += 1;
};

const unitsOf = async (
  { verification }: Run,
  { keys, parallel = 4 }: VerifyTableRequest,
): Promise<readonly VerifyUnit[]> =>
  keys === undefined ? verifyUnits(verification, parallel) : [{ kind: "keys", keys }];

/** Leaves one suspect of each item and target: a copy may differ in both passes. */
const distinct = (suspects: Suspect[]): void => {
  const known = new Map(suspects.map((one) => [`${one.target} ${JSON.stringify(one.keys)}`, one]));
  suspects.length = 0;
  for (const one of known.values()) suspects.push(one);
};

const runAll = async (run: Run): Promise<void> => {
  const { verification, request, suspects, tally, turn, progress, examples } = run;
  const units = await unitsOf(run, request);
  progress.units = units.length;
  const isCopies = ({ kind }: VerifyUnit): boolean => kind === "copies";
  // The items come first, so that only those copies cost a read of their items that the scan did not see.
  for (const some of [units.filter((unit) => !isCopies(unit)), units.filter(isCopies)]) {
    await eachBounded(some, request.parallel ?? 4, (unit) => readWhole(run, unit));
  }
  if (turn.signal.aborted) return;
  distinct(suspects);
  progress.phase = "suspects";
  tell(run);
  const onFindings = (findings: readonly Finding[]): void => {
    for (const finding of findings) {
      examples.add(finding);
      request.onFinding?.(finding);
    }
    tell(run);
  };
  await settleSuspects(verification, { suspects, tally, waits: true, onFindings }, turn);
};

/** Returns why the run ended early; undefined if it reached its end. */
const stopOf = async (run: Run): Promise<string | undefined> => {
  try {
    await runAll(run);
    return run.turn.signal.aborted ? "interrupted" : undefined;
  } catch (error) {
    if (error instanceof DiffersTooMuchError) return error.message;
    if (run.turn.signal.aborted) return "interrupted";
    // What was found and repaired before is reported.
    const hasRead = run.progress.items + run.progress.copies > 0;
    const isOutside = error instanceof SourceError || error instanceof SinkError || error === run.broken.error;
    if (hasRead && isOutside && error instanceof Error) return error.message;
    throw error;
  }
};

/** Notes the error with which the handler fails. */
const noting =
  (repair: Invoke, broken: Run["broken"]): Invoke =>
  async (event, signal) => {
    try {
      return await repair(event, signal);
    } catch (error) {
      broken.error = error;
      throw error;
    }
  };

/** Verifies a table, and repairs what differs if the options say so. */
export const verifyTable = async (options: VerifyOptions, request: VerifyTableRequest): Promise<VerifyReport> => {
  const broken: Run["broken"] = {};
  const { repair } = options;
  const verification = {
    ...verificationOf(options),
    ...(repair && { repair: noting(repair, broken) }),
    seen: seenKeys(),
  };
  const run: Run = {
    broken,
    verification,
    request,
    tally: newTally(),
    suspects: [],
    turn: turnOf(verification, request.signal, () => false),
    examples: exampleList(),
    progress: { phase: "copies", units: 0, unitsDone: 0, items: 0, copies: 0, readUnits: 0 },
  };
  const stopped = await stopOf(run);
  const { items, copies, readUnits } = run.progress;
  const tally = run.tally.total();
  return {
    isEqual: stopped === undefined && differing(tally) === 0,
    isComplete: stopped === undefined,
    ...(stopped !== undefined && { stopped }),
    tally,
    examples: run.examples.list(),
    limits: limitsOf(options),
    items,
    copies,
    readUnits,
  };
};
