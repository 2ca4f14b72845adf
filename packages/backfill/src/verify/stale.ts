// Tells copies that are behind from copies that are wrong.

import { itemKeyOf } from "@sluice/core/envelope";
import { epochOf } from "../record/records.ts";
import { expectedOf, heldCopies, type SinkCalls } from "./comparison.ts";
import { type DifferingLook, recordOf, repairBase } from "./look.ts";
import type { Verification } from "./verification.ts";

/** Length of a version without its fraction. A repair has the version of the change that it repairs. */
const changeLength = 58;

const held = ({ sight }: DifferingLook): string => sight.held?.version ?? "";

/**
 * Returns the keys of those copies that are older than the item's copies in other targets of the run, or of an earlier
 * stream. All looks are of one target.
 */
export const staleItems = async (
  verification: Verification,
  looks: readonly DifferingLook[],
  calls: SinkCalls,
): Promise<ReadonlySet<string>> => {
  // A copy without a version does not tell how old it is.
  const candidates = looks.filter((look) => look.difference.class === "different" && held(look) !== "");
  const keyOf = ({ suspect }: DifferingLook): string => itemKeyOf(suspect.keys);
  const stale = new Set(candidates.filter((look) => epochOf(held(look)) < repairBase(look).epoch).map(keyOf));
  if (candidates.length === 0) return stale;
  // A target that the run is not about may be one that this process cannot reach.
  for (const other of verification.comparable) {
    if (other === candidates[0]?.target) continue;
    const expected = candidates.map(({ suspect, item, fromMs }) =>
      expectedOf(other, recordOf(verification, suspect.keys, item, fromMs)),
    );
    const copies = await heldCopies(expected, calls);
    candidates.forEach((look, index) => {
      const newest = copies[index]?.version.slice(0, changeLength) ?? "";
      if (held(look).slice(0, changeLength) < newest) stale.add(keyOf(look));
    });
  }
  return stale;
};
