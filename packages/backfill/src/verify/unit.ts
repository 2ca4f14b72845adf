// Verifies one unit: reads its pages, and looks at its suspects until they are settled. A Step Functions worker calls this
// function in several turns.

import type { Finding, VerifyTally } from "./classes.ts";
import type { SinkCalls } from "./comparison.ts";
import { readPages, type VerifyUnit } from "./reading.ts";
import { settle } from "./settle.ts";
import type { Suspect } from "./suspect.ts";
import { newTally, type Tally } from "./tally.ts";
import { type Verification, type VerifyOptions, verificationOf } from "./verification.ts";

/** How far a unit is. It is plain JSON. */
export interface VerifyState {
  /** Where the next page starts; undefined at the start of the unit. */
  readonly after?: string;
  /** Whether all pages of the unit are read. */
  readonly isRead: boolean;
  readonly suspects: readonly Suspect[];
}

/** More copies differ than the run can keep in mind: the target was not filled, or the mapper is another. */
export class DiffersTooMuchError extends Error {
  override name = "DiffersTooMuchError";
  readonly suspects: number;

  constructor(suspects: number) {
    super(
      `differs too much: ${suspects} copies differ; expected at most the option maxSuspects. If the target was never filled, or the ` +
        "mapper was changed, run a backfill first",
    );
    this.suspects = suspects;
  }
}

/** How to verify a unit. */
export interface VerifyUnitRequest {
  readonly unit: VerifyUnit;
  /** Where the turn before ended; undefined in the first turn. */
  readonly state?: VerifyState;
  /** When it aborts, the turn ends as soon as possible. */
  readonly signal: AbortSignal;
  /** Asked after each page, and while the turn waits. If it returns true, the turn ends. */
  readonly isOver?: () => boolean;
  /** Whether the turn waits until suspects are due. Without it, the turn ends, and `dueAt` says when to go on. Default true. */
  readonly waits?: boolean;
}

/** Result of one turn. It is plain JSON. */
export interface VerifyUnitAnswer {
  readonly isDone: boolean;
  /** For the next turn. */
  readonly state: VerifyState;
  /** Counts of this turn. */
  readonly tally: VerifyTally;
  /** Findings of this turn. */
  readonly findings: readonly Finding[];
  /** Items, or copies, that this turn read. */
  readonly items: number;
  readonly readUnits: number;
  /** When the next suspect is due, in milliseconds since 1970, if nothing else is left to do. */
  readonly dueAt?: number;
}

/** Suspects of one look. */
const lookSize = 100;

/** How often a waiting turn asks whether it is over, in milliseconds. */
const waitStepMs = 1_000;

/** Whether a turn should end. */
export interface Turn extends SinkCalls {
  readonly isOver: () => boolean;
}

/** Takes at most `lookSize` due suspects of one target out of the list. */
export const takeDue = (suspects: Suspect[], now: number): readonly Suspect[] => {
  const first = suspects.find(({ dueAt }) => dueAt <= now);
  if (first === undefined) return [];
  const taken: Suspect[] = [];
  let kept = 0;
  for (const suspect of suspects) {
    const isTaken = taken.length < lookSize && suspect.dueAt <= now && suspect.target === first.target;
    if (isTaken) taken.push(suspect);
    else {
      suspects[kept] = suspect;
      kept += 1;
    }
  }
  suspects.length = kept;
  return taken;
};

/** Returns when the next suspect is due; undefined without suspects. */
export const nextDue = (suspects: readonly Suspect[]): number | undefined => {
  let next: number | undefined;
  for (const { dueAt } of suspects) if (next === undefined || dueAt < next) next = dueAt;
  return next;
};

/** Waits until the time, or until the turn is over. */
export const waitUntil = async (dueAt: number, { clock, signal, isOver }: Turn): Promise<void> => {
  while (clock.now() < dueAt && !signal.aborted && !isOver()) {
    await clock.sleep(Math.min(dueAt - clock.now(), waitStepMs), signal);
  }
};

/** Looks at suspects until none is left, none is due and the turn does not wait, or the turn is over. */
export const settleSuspects = async (
  verification: Verification,
  suspects: Suspect[],
  tally: Tally,
  turn: Turn,
  options: { readonly waits: boolean; readonly onFindings: (findings: readonly Finding[]) => void },
): Promise<void> => {
  while (suspects.length > 0 && !turn.signal.aborted && !turn.isOver()) {
    const due = takeDue(suspects, turn.clock.now());
    if (due.length === 0) {
      if (!options.waits) return;
      await waitUntil(nextDue(suspects) ?? 0, turn);
      continue;
    }
    const settled = await settle(verification, due, tally, turn);
    suspects.push(...settled.suspects);
    options.onFindings(settled.findings);
  }
};

/** Verifies one unit until it is done, or until the turn is over. @throws {DiffersTooMuchError} */
export const verifyUnit = async (options: VerifyOptions, request: VerifyUnitRequest): Promise<VerifyUnitAnswer> => {
  const verification = verificationOf(options);
  const { unit, state, signal, isOver = () => false, waits = true } = request;
  const turn: Turn = { signal, isOver, clock: verification.clock };
  const tally = newTally();
  const findings: Finding[] = [];
  const suspects = [...(state?.suspects ?? [])];
  let { after, isRead }: { after?: string; isRead: boolean } = state ?? { isRead: false };
  let items = 0;
  let readUnits = 0;
  if (!isRead) {
    for await (const page of readPages(verification, unit, after, tally, turn)) {
      items += page.items;
      readUnits += page.readUnits;
      suspects.push(...page.suspects);
      if (suspects.length > verification.maxSuspects) throw new DiffersTooMuchError(suspects.length);
      isRead = page.cursor === undefined;
      if (page.cursor !== undefined) after = page.cursor;
      if (isRead || signal.aborted || isOver()) break;
    }
    // A unit without a page is read.
    if (!signal.aborted && !isOver()) isRead = true;
  }
  if (isRead) {
    await settleSuspects(verification, suspects, tally, turn, { waits, onFindings: (some) => findings.push(...some) });
  }
  const dueAt = isRead ? nextDue(suspects) : undefined;
  return {
    isDone: isRead && suspects.length === 0,
    state: { ...(after !== undefined && !isRead && { after }), isRead, suspects },
    tally: tally.total(),
    findings,
    items,
    readUnits,
    ...(dueAt !== undefined && { dueAt }),
  };
};
