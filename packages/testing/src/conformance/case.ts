// One case of the conformance kit.

import type { WriteMode } from "@sluice/core/sink-kit";
import type { Bench } from "./harness.ts";
import type { Ability, CaseId, Limits } from "./rig.ts";

/** A clause of the contract, and how to see that a sink keeps it. */
export interface Case {
  readonly id: CaseId;
  /** The behaviour as a sentence. */
  readonly name: string;
  /** Absent: both modes. */
  readonly writes?: WriteMode;
  readonly needs?: readonly Ability[];
  readonly needsLimit?: keyof Limits;
  readonly run: (bench: Bench) => Promise<void>;
}
