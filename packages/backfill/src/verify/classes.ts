// What a verification says of an item: the classes, and the counts of a run as plain JSON.

import type { Image } from "@sluice/core/envelope";

/** Classes of items whose copy is wrong. A repair can bring each one up to date. */
export type FindingClass = "missing" | "wrongly-removed" | "stale" | "different" | "unexpected" | "ghost";

/**
 * Every class. `equal`: target and table agree. `hidden`: the target holds the copy behind the copy of another item. `kept`:
 * the copy of a removed item in a target that keeps or marks such copies. `ahead`: the copy differs, and its version is of a
 * later stream than the table's. `pending`: the copy differs, and a dead letter of the item is open. `in flight`: the copy or
 * the item changed between all looks. `unstable`: the copy differs only in members that depend on the time or on chance.
 * `rejected`: the pipeline rejects the item. `unknown key`: a copy whose item the target does not tell.
 */
export type VerifyClass =
  | FindingClass
  | "equal"
  | "hidden"
  | "kept"
  | "ahead"
  | "pending"
  | "in flight"
  | "unstable"
  | "rejected"
  | "unknown key";

/** Result of the repair of a finding. `superseded`: the copy changed meanwhile, and then agreed with the table. */
export type RepairOutcome = "repaired" | "superseded" | "rejected" | "failed";

/** One item of one target that is not proved to be right. */
export interface Finding {
  /** First route of the target. */
  readonly target: string;
  readonly class: FindingClass | "ahead" | "pending" | "in flight";
  /** The item's key. Binary values are base64 text. */
  readonly keys: Image;
  /** Names of the members that differ. Empty for a copy that is missing, or that should not be there. */
  readonly members: readonly string[];
  /** The version that the target held; null if it held neither a copy nor a tombstone. */
  readonly version: string | null;
  /** Only with the option `showValues`: the members that differ. */
  readonly values?: {
    readonly expected: { readonly [member: string]: string };
    readonly held: { readonly [member: string]: string };
  };
  readonly repair?: RepairOutcome;
  /** Why the repair was rejected, or failed. */
  readonly code?: string;
  readonly message?: string;
}

/** Counts of one target. */
export interface TargetTally {
  readonly counts: { readonly [Class in VerifyClass]?: number };
  readonly repairs: { readonly [Outcome in RepairOutcome]?: number };
  /** Members that depend on the time or on chance, by route. */
  readonly unstable: { readonly [route: string]: readonly string[] };
  /** Rejected items by the code of the error. */
  readonly rejections: { readonly [code: string]: number };
}

/** Counts of all targets, by the first route of each. */
export interface VerifyTally {
  readonly [target: string]: TargetTally;
}

const addNumbers = (
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> => {
  const sum = { ...one };
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
};

const uniteLists = (
  one: TargetTally["unstable"],
  other: TargetTally["unstable"],
): Record<string, readonly string[]> => {
  const united: Record<string, readonly string[]> = { ...one };
  for (const [name, list] of Object.entries(other))
    united[name] = [...new Set([...(united[name] ?? []), ...list])].sort();
  return united;
};

/** The counts of a target of which nothing has been counted. */
export const emptyTally: TargetTally = { counts: {}, repairs: {}, unstable: {}, rejections: {} };

/** Returns the counts of two parts of a run together. */
export const addTallies = (one: VerifyTally, other: VerifyTally): VerifyTally => {
  const sum: Record<string, TargetTally> = { ...one };
  for (const [name, tally] of Object.entries(other)) {
    const known = sum[name] ?? emptyTally;
    sum[name] = {
      counts: addNumbers(known.counts, tally.counts),
      repairs: addNumbers(known.repairs, tally.repairs),
      unstable: uniteLists(known.unstable, tally.unstable),
      rejections: addNumbers(known.rejections, tally.rejections),
    };
  }
  return sum;
};

/** All classes of wrong copies, in the order in which a report names them. */
export const findingClasses: readonly FindingClass[] = [
  "missing",
  "wrongly-removed",
  "stale",
  "different",
  "unexpected",
  "ghost",
];

/** Number of items that keep a run from the result "equal": wrong copies that were not repaired, and items that cannot be proved. */
export const differing = (tally: VerifyTally): number => {
  let differ = 0;
  for (const { counts, repairs } of Object.values(tally)) {
    for (const one of [...findingClasses, "ahead", "pending", "rejected"] as const) differ += counts[one] ?? 0;
    differ -= (repairs.repaired ?? 0) + (repairs.superseded ?? 0);
  }
  return differ;
};
