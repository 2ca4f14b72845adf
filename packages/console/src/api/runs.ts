// Runs: backfills, verifications and redrives that the console started.

import type { DeadLetterResult } from "./dead-letters.ts";

/** What a run does. */
export type RunKind = "backfill" | "verify" | "redrive";

/** `paused` runs go on where they stopped. */
export type RunStatus = "running" | "pausing" | "paused" | "cancelling" | "cancelled" | "done" | "failed";

/** Whether a run in this state works, or may go on. */
export const isLive = (state: RunStatus): boolean => !["cancelled", "done", "failed"].includes(state);

/** Input of a backfill. */
export interface BackfillInput {
  readonly kind: "backfill";
  readonly pipeline: string;
  /** Default: all routes. */
  readonly routes?: readonly string[];
  readonly isDryRun?: boolean;
  readonly itemsPerSecond?: number;
}

/** Input of a verification. */
export interface VerifyInput {
  readonly kind: "verify";
  readonly pipeline: string;
  readonly routes?: readonly string[];
  /** From 0 to 1. Default 1. */
  readonly sample?: number;
  readonly repairs?: boolean;
  /** Seconds in which every change reaches its target: a difference that stays longer is a finding. Default 60. */
  readonly graceSeconds?: number;
}

/** Input of a redrive. */
export interface RedriveInput {
  readonly kind: "redrive";
  readonly pipeline: string;
  readonly queueUrl: string;
  /** Default: all dead letters. */
  readonly ids?: readonly string[];
  readonly isDryRun?: boolean;
}

/** Input of a run. */
export type RunInput = BackfillInput | VerifyInput | RedriveInput;

/** How far a run is. */
export interface RunStep {
  readonly doing: string;
  readonly done: number;
  /** Undefined if unknown. */
  readonly total: number | undefined;
  /** Numbers by name, such as `delivered`, or `equal`. */
  readonly counts: Readonly<Record<string, number>>;
  readonly perSecond?: number;
}

/** An item that a verification found to differ. It has the item's key, and no other value. */
export interface RunFinding {
  readonly class: string;
  readonly routes: readonly string[];
  readonly keys: unknown;
  /** Names of the members that differ. */
  readonly members: readonly string[];
  /** Result of the repair, if one was asked for. */
  readonly repair?: string;
}

/** What a run found. */
export interface RunResult {
  /** The report, for people, as the command prints it. */
  readonly lines: readonly string[];
  /** False if something is left to do: items differ, deliveries failed. */
  readonly isClean: boolean;
  /** The run was stopped before its end: what was done is here, and the next call does the rest. */
  readonly isPartial?: true;
  readonly counts: Readonly<Record<string, number>>;
  /** At most 1,000. */
  readonly findings?: readonly RunFinding[];
  /** Only of a redrive. */
  readonly deadLetters?: readonly DeadLetterResult[];
}

/** A run. */
export interface RunView {
  readonly id: string;
  readonly input: RunInput;
  readonly state: RunStatus;
  readonly progress: RunStep | undefined;
  readonly result: RunResult | undefined;
  /** Why the run failed. */
  readonly error: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly canPause: boolean;
  /** The same run on the command line. */
  readonly command: string;
}
