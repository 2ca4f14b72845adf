// Postgres targets with children that have one defect each. Each defect is caused by a changed SQL statement.

import { both, rewriting, slowCommits } from "./postgres-mutants.ts";
import type { Mutation } from "./postgres-target.ts";

/** The condition that the version that a delivery replaces is in the snapshot, as `child-statements.ts` writes it. */
const isInSnapshot =
  /\s+AND \(held\."sluice_version", held\."sluice_removed_at" IS NULL\) = \(\s+SELECT [^)]+ AS one\s+WHERE [^)]+\)/;

/** The defects, each with the mutation that causes the defect. */
export const familyMutants: Readonly<Record<string, Mutation>> = {
  "keeps surplus rows": rewriting((text) =>
    text.replaceAll(/(gone\d+ AS \(\s+DELETE FROM \S+ AS held\s+WHERE )/g, "$1false AND "),
  ),
  "writes children without the guard": rewriting((text) =>
    text.replaceAll(/\) AS u JOIN won ON/g, ") AS u LEFT JOIN won ON"),
  ),
  "does not update a child row": rewriting((text) =>
    text.replaceAll(
      /WHERE u\.c0 IS NULL OR held\.place IS NULL OR NOT \(.*\)$/gm,
      "WHERE u.c0 IS NULL OR held.place IS NULL",
    ),
  ),
};

/** Defects that the suite can find only if writers overlap. */
export const familyRaceMutants: Readonly<Record<string, Mutation>> = {
  "reads the children in an older snapshot": both(
    slowCommits,
    rewriting((text) => text.replace(isInSnapshot, "")),
  ),
  "does not send an overtaken change again": both(
    slowCommits,
    rewriting((text) =>
      text.replace(/CASE WHEN winners\.number (?:(?!CASE WHEN winners)[\s\S])+ AS overtaken/, "NULL AS overtaken"),
    ),
  ),
};
