// The plan of a run: what all of its functions know.

import type { Micros, RecordOrigin } from "@sluice/backfill";
import type { RunPlace } from "./run-objects.ts";
import type { RunRate } from "./run-rate.ts";
import type { CopySettings } from "./settings.ts";
import type { TableOfRun } from "./table-of-run.ts";

/** What a run does. */
export type RunMode = "backfill" | "verify";

/** What a run reads. */
export type PlannedSource =
  | { readonly kind: "table"; readonly table: string; readonly segments: number; readonly asOf: Micros }
  | { readonly kind: "export"; readonly table: string; readonly manifest: string; readonly asOf: Micros };

/** An object with units, one JSON value per line. */
export interface UnitItems {
  readonly bucket: string;
  readonly key: string;
}

/** The event that the state machine sends to the function of the state "Plan". */
export interface PlanEvent {
  readonly settings: CopySettings;
  readonly maxConcurrency: number;
  readonly execution: string;
  readonly startedAt: string;
  /** The execution's input. */
  readonly input: unknown;
}

/** Name of the object with the name of the execution that works on the run, relative to the run's prefix. */
export const executionName = "execution.txt";

/** What all functions of a run know. It is the output of the state "Plan", and has less than two kilobytes. */
export interface Plan extends RunPlace {
  readonly mode: RunMode;
  readonly pipeline: string;
  readonly run: string;
  /** Name of the execution that works on the run: the run's first one, or one that continues the run. */
  readonly execution: string;
  readonly startedAt: string;
  /** The rate with which this execution started. */
  readonly rate: RunRate;
  readonly source: PlannedSource;
  readonly origin: RecordOrigin;
  readonly keyTypes: TableOfRun["keyTypes"];
  readonly items: UnitItems;
  /** Of a verify: the parts of the targets' keys. They are read before the table. */
  readonly copies?: UnitItems;
  /** Of a verify: the targets that it compares, each by its first route. */
  readonly targets?: readonly string[];
  /** Of a verify: sentences about what it cannot see. */
  readonly limits?: readonly string[];
  /** Beginning of the keys of Step Functions' own results. */
  readonly results: string;
  readonly routes?: readonly string[];
}
