// Every case of the kit, in the order of the README's table.

import type { Case } from "../case.ts";
import { appendCases } from "./append.ts";
import { arrivalCases } from "./arrival.ts";
import { contentCases } from "./content.ts";
import { deadlineCases } from "./deadline.ts";
import { encodingCases } from "./encoding.ts";
import { failureCases } from "./failure.ts";
import { lifecycleCases } from "./lifecycle.ts";
import { limitCases } from "./limits.ts";
import { lossCases } from "./loss.ts";
import { heldContentCases } from "./upsert-content.ts";
import { guardCases } from "./upsert-guard.ts";
import { heldCases } from "./upsert-held.ts";
import { keysCases } from "./upsert-keys.ts";
import { parallelCases } from "./upsert-parallel.ts";
import { unreadCases } from "./upsert-unread.ts";

const byId = (left: Case, right: Case): number => {
  // Ids with C come before ids with A or U. Within a letter, the number decides.
  const rank = ({ id, writes }: Case): string => `${id.startsWith("C") ? 0 : 1}${id}${writes ?? ""}`;
  return rank(left) < rank(right) ? -1 : Number(rank(left) > rank(right));
};

/** The cases of both modes, in the order of the README. */
export const allCases: readonly Case[] = [
  ...arrivalCases,
  ...limitCases,
  ...failureCases,
  ...deadlineCases,
  ...contentCases,
  ...encodingCases,
  ...lossCases,
  ...lifecycleCases,
  ...guardCases,
  ...heldCases,
  ...keysCases,
  ...heldContentCases,
  ...unreadCases,
  ...parallelCases,
  ...appendCases,
].sort(byId);
