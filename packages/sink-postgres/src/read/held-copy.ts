// Decides what the table holds of an item, from the row and the guard. Other programs may have changed both, so they may
// disagree. A disagreement is reported in the way that makes a repair write both: decision 0064 has the rule.

import type { CopyContent, HeldCopy } from "@sluice/core/sink-kit";
import type { FoundRow } from "./read-statements.ts";

/** What must be known about a delivery to judge what the table holds. */
interface RowQuestion {
  /** Whether the table should show a copy of the item. */
  readonly isWanted: boolean;
  /** The hash of the item's key, as the guard stores it. Undefined if items never share a row. */
  readonly owner: string | undefined;
  /** Whether child tables have rows of the item. */
  readonly hasChildren: boolean;
  readonly content: () => CopyContent;
}

/**
 * A row without a version in the guard is a copy that any older change would overwrite, so its content does not count. The
 * version is the same whether a copy is wanted or not: a change of the item must not look like a write of the target.
 */
const unguarded = ({ isThere }: FoundRow, { hasChildren }: RowQuestion): HeldCopy | undefined =>
  isThere === "true" || hasChildren ? { version: "", state: "live" } : undefined;

const shownCopy = (row: FoundRow, question: RowQuestion): HeldCopy | undefined => {
  const version = row.version ?? "";
  if (version === "") return unguarded(row, question);
  const [isThere, isRemoved] = [row.isThere === "true", row.isRemoved === "true"];
  if (!question.isWanted) return { version, state: isThere || question.hasChildren ? "live" : "removed" };
  if (!isThere && isRemoved) return { version, state: "removed" };
  if (!isThere) return { version, state: "live" };
  // The empty content differs from every row, because a row has a key.
  return { version, state: "live", content: isRemoved ? {} : question.content() };
};

/** Returns what the table holds of the item at its key. An entry without an owner is taken for the item's. */
export const heldCopy = (row: FoundRow, question: RowQuestion): HeldCopy | undefined => {
  const { claim = null, owner = null } = row;
  if (claim !== null) return { version: claim, state: row.isClaimRemoved === "true" ? "removed" : "hidden" };
  return owner === null || owner === question.owner ? shownCopy(row, question) : undefined;
};

/** An entry of the item at another key. */
interface Stray {
  readonly version: string;
  readonly isRemoved: boolean;
}

/**
 * Adds what the item has at other keys. A live copy there makes the content differ, so that a repair removes it. The
 * version is the newest one, because a write with an older version is superseded.
 */
export const withStrays = (held: HeldCopy | undefined, strays: readonly Stray[] = []): HeldCopy | undefined => {
  if (strays.length === 0) return held;
  const version = [held?.version ?? "", ...strays.map((stray) => stray.version)].sort().at(-1) ?? "";
  if (strays.some(({ isRemoved }) => !isRemoved)) return { version, state: "live", content: {} };
  return { ...(held ?? { state: "removed" }), version };
};
