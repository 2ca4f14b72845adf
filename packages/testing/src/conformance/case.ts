// One case of the conformance kit.

import type { WriteMode } from "@sluice/core/sink-kit";
import type { SpecimenTable } from "../records/specimen.ts";
import type { Harness } from "./harness.ts";
import type { Ability, CaseId, Limits } from "./rig.ts";

/** A clause of the contract, and the check that a sink keeps it. */
export interface Case {
  readonly id: CaseId;
  /** The behaviour as a sentence. */
  readonly name: string;
  /** Absent: for sinks of both modes. */
  readonly writes?: WriteMode;
  readonly needs?: readonly Ability[];
  readonly needsLimit?: keyof Limits;
  /** Checks a new rig, whose target is empty, with changes of an empty table. */
  readonly run: (harness: Harness, table: SpecimenTable) => Promise<void>;
}

/** The cases, for sinks of one mode. */
export const casesFor = (writes: WriteMode, cases: readonly Omit<Case, "writes">[]): readonly Case[] =>
  cases.map((one) => ({ ...one, writes }));
