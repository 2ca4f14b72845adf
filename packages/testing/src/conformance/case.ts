// One case of the conformance kit.

import type { WriteMode } from "@sluice/core/sink-kit";
import type { SpecimenTable } from "../records/specimen.ts";
import type { Harness } from "./harness.ts";
import type { Ability, CaseId, Limits } from "./rig.ts";

/** One rule of the contract, and the check that a sink obeys the rule. */
export interface Case {
  readonly id: CaseId;
  /** The behaviour as a sentence. */
  readonly name: string;
  /** Write mode of the sinks to which the case applies. Default: both modes. */
  readonly writes?: WriteMode;
  readonly needs?: readonly Ability[];
  readonly needsLimit?: keyof Limits;
  /** Runs the check on a new rig with an empty target. The changes come from `table`, which is empty at first. */
  readonly run: (harness: Harness, table: SpecimenTable) => Promise<void>;
}

/** Limits these cases to sinks of one write mode. */
export const casesFor = (writes: WriteMode, cases: readonly Omit<Case, "writes">[]): readonly Case[] =>
  cases.map((one) => ({ ...one, writes }));
