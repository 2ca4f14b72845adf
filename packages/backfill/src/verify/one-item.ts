// One look at what a target holds of one item, for programs that explain a single item. It proves less than a verification,
// which looks twice.

import type { Image, PipelineTarget } from "@sluice/core/envelope";
import type { HeldCopy } from "@sluice/core/sink-kit";
import { epochOf, isAhead } from "../record/records.ts";
import type { Comparison, Sight, SinkCalls } from "./comparison.ts";
import { spelledKeys } from "./key-spelling.ts";
import { lookAt, repairBase } from "./look.ts";
import { nameOfTarget, type Verification } from "./verification.ts";

/** How one look sees the copy of an item in one target. */
export interface ItemLook {
  readonly comparison: Comparison;
  /** Undefined if the target holds neither a copy nor a tombstone. */
  readonly held: HeldCopy | undefined;
  /** What the target should hold; undefined if it should hold no copy. */
  readonly expected: Sight["content"];
  /** Whether the table has the item. */
  readonly exists: boolean;
  /** Whether the item was the same before and after the target was read. */
  readonly isSteady: boolean;
  /** Whether no write can outrank the version that the target holds. */
  readonly isAhead: boolean;
}

/** Looks at an item: reads the table, the target, and the table again. @throws the error of the table or of the sink. */
export const lookAtItem = async (
  looking: Pick<Verification, "table" | "origin">,
  target: PipelineTarget,
  keys: Image,
  calls: SinkCalls,
): Promise<ItemLook> => {
  const suspect = { target: nameOfTarget(target), keys: spelledKeys(keys), dueAt: 0, looks: 0 };
  const [look] = await lookAt({ ...looking, clock: calls.clock }, target, [suspect], calls);
  if (look === undefined) throw new Error("a look at one item returned nothing; expected one result");
  const { comparison, item, isSteady, sight } = look;
  const base = repairBase(look);
  // Without a decoded record, the epoch of the table's stream is unknown.
  const knowsEpoch = epochOf(base.epoch) !== "";
  return {
    comparison,
    held: sight.held,
    expected: sight.content,
    exists: item !== undefined,
    isSteady,
    isAhead: knowsEpoch && isAhead(base),
  };
};
