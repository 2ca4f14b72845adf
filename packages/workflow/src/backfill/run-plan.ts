// The plan of a run: what all of its functions know.

import type { Micros, RecordOrigin } from "@sluice/backfill";
import type { RunPlace } from "./run-objects.ts";
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

/** What all functions of a run know. It is the output of the state "Plan", and has less than two kilobytes. */
export interface Plan extends RunPlace {
  readonly mode: RunMode;
  readonly pipeline: string;
  readonly run: string;
  readonly startedAt: string;
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
