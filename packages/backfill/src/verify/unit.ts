// Verifies one unit: reads its pages, and looks at its suspects until they are settled. A Step Functions worker calls this
// function in several turns.

import { setMaxListeners } from "node:events";
import type { Finding, VerifyTally } from "./classes.ts";
import type { SinkCalls } from "./comparison.ts";
import { type PageRead, readPages, type VerifyUnit } from "./reading.ts";
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
      `differs too much: ${suspects} copies differ; expected at most the option maxSuspects. If the target was never filled, run a ` +
        "backfill first. If the mapper was changed, raise the option, or fill a new target",
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

/** Creates a turn. Several pages are read at once, each with several requests, and each of them listens to the signal. */
export const turnOf = ({ clock }: Verification, signal: AbortSignal, isOver: () => boolean): Turn => {
  setMaxListeners(0, signal);
  return { signal, isOver, clock };
};

/** Takes at most `lookSize` due suspects of one target out of the list. */
const takeDue = (suspects: Suspect[], now: number): readonly Suspect[] => {
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
const nextDue = (suspects: readonly Suspect[]): number | undefined => {
  let next: number | undefined;
  for (const { dueAt } of suspects) if (next === undefined || dueAt < next) next = dueAt;
  return next;
};

/** Waits until the time, or until the turn is over. */
const waitUntil = async (dueAt: number, { clock, signal, isOver }: Turn): Promise<void> => {
  while (clock.now() < dueAt && !signal.aborted && !isOver()) {
    await clock.sleep(Math.min(dueAt - clock.now(), waitStepMs), signal);
  }
};

/** What `settleSuspects` changes and tells. */
export interface Settling {
  /** Settled suspects are taken out of this list. */
  readonly suspects: Suspect[];
  readonly tally: Tally;
  /** Whether to wait until suspects are due. */
  readonly waits: boolean;
  readonly onFindings: (findings: readonly Finding[]) => void;
}

/** Settles some due suspects. They stay suspects if the signal aborts meanwhile. */
const settleDue = async (
  verification: Verification,
  due: readonly Suspect[],
  { suspects, tally, onFindings }: Settling,
  turn: Turn,
): Promise<void> => {
  const part = newTally();
  try {
    const settled = await settle(verification, due, part, turn);
    tally.add(part.total());
    suspects.push(...settled.suspects);
    onFindings(settled.findings);
    if (settled.failure !== undefined) throw settled.failure;
  } catch (error) {
    if (!turn.signal.aborted) throw error;
    suspects.push(...due);
  }
};

/** Looks at suspects until none is left, none is due and the turn does not wait, or the turn is over. */
export const settleSuspects = async (verification: Verification, settling: Settling, turn: Turn): Promise<void> => {
  const { suspects, waits } = settling;
  while (suspects.length > 0 && !turn.signal.aborted && !turn.isOver()) {
    const due = takeDue(suspects, turn.clock.now());
    if (due.length > 0) await settleDue(verification, due, settling, turn);
    else if (waits) await waitUntil(nextDue(suspects) ?? 0, turn);
    else return;
  }
};

/** Something that reads units: a turn of one unit, or a whole run. */
export interface Reading {
  readonly verification: Verification;
  readonly turn: Turn;
  readonly tally: Tally;
  readonly suspects: Suspect[];
  readonly onPage: (page: PageRead) => void;
}

/**
 * Reads the pages of a unit until its end, or until the turn is over. Returns where the next page starts; undefined if all
 * pages are read.
 * @throws {DiffersTooMuchError} when too many copies differ.
 */
export const readUnit = async (reading: Reading, unit: VerifyUnit, start: string): Promise<string | undefined> => {
  const { verification, turn, tally, suspects, onPage } = reading;
  let next = start;
  try {
    for await (const page of readPages(verification, unit, start === "" ? undefined : start, turn)) {
      tally.add(page.tally);
      suspects.push(...page.suspects);
      onPage(page);
      if (suspects.length > verification.maxSuspects) throw new DiffersTooMuchError(suspects.length);
      if (page.cursor === undefined) return undefined;
      next = page.cursor;
      if (turn.signal.aborted || turn.isOver()) return next;
    }
  } catch (error) {
    if (turn.signal.aborted && !(error instanceof DiffersTooMuchError)) return next;
    throw error;
  }
  return turn.signal.aborted ? next : undefined;
};

/** Verifies one unit until it is done, or until the turn is over. @throws {DiffersTooMuchError} when too many copies differ */
export const verifyUnit = async (options: VerifyOptions, request: VerifyUnitRequest): Promise<VerifyUnitAnswer> => {
  const verification = verificationOf(options);
  const { unit, state, signal, isOver = () => false, waits = true } = request;
  const turn = turnOf(verification, signal, isOver);
  const tally = newTally();
  const findings: Finding[] = [];
  const suspects = [...(state?.suspects ?? [])];
  const read = { items: 0, readUnits: 0 };
  const onPage = ({ items, readUnits }: PageRead): void => {
    read.items += items;
    read.readUnits += readUnits;
  };
  const reading = { verification, turn, tally, suspects, onPage };
  const after = state?.isRead ? undefined : await readUnit(reading, unit, state?.after ?? "");
  const isRead = after === undefined;
  const onFindings = (some: readonly Finding[]): void => {
    findings.push(...some);
  };
  if (isRead) await settleSuspects(verification, { suspects, tally, waits, onFindings }, turn);
  const dueAt = isRead ? nextDue(suspects) : undefined;
  return {
    isDone: isRead && suspects.length === 0,
    state: { ...(after !== undefined && { after }), isRead, suspects },
    tally: tally.total(),
    findings,
    ...read,
    ...(dueAt !== undefined && { dueAt }),
  };
};
