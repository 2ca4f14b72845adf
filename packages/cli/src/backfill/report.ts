// The report of a run: the sum of the outcomes, the reasons of failures, and the command to run next.

import type { RecordFailure, WorkCounts } from "@sluice/backfill";
import { sluiceCommand } from "../command-line/pasted-command.ts";
import { counted, withSeparators } from "../terminal/format.ts";
import { cut } from "../terminal/plain-text.ts";

/** Failures of one kind, code and route. */
export interface Cause {
  readonly kind: RecordFailure["kind"];
  readonly code: string;
  readonly route?: string;
  /** The message of the first of them. It has no values of items. */
  readonly message: string;
  readonly items: number;
}

/** Collects the failures of a run. */
export interface Causes {
  readonly add: (failures: readonly RecordFailure[]) => void;
  /** The most frequent first. */
  readonly all: () => readonly Cause[];
}

/** A pipeline has a limited number of codes and routes. */
const maxCauses = 100;

/** Creates an empty `Causes`. */
export const newCauses = (): Causes => {
  const causes = new Map<string, Cause>();
  return {
    add: (failures) => {
      for (const { kind, code, route, message } of failures) {
        const key = [kind, code, route].join(" ");
        const known = causes.get(key);
        if (known !== undefined) causes.set(key, { ...known, items: known.items + 1 });
        else if (causes.size < maxCauses) {
          causes.set(key, { kind, code, ...(route !== undefined && { route }), message, items: 1 });
        }
      }
    },
    all: () => [...causes.values()].sort((one, other) => other.items - one.items),
  };
};

const words: readonly (readonly [keyof WorkCounts, string])[] = [
  ["delivered", "delivered"],
  ["superseded", "superseded"],
  ["filtered", "filtered"],
  ["rejected", "rejected"],
  ["retried", "failed at every attempt"],
];

/** Formats the counts as an equation: `20,000 items = 19,990 delivered + 10 rejected`. */
export const sumLine = (counts: WorkCounts, isDryRun: boolean): string => {
  const parts = words
    .filter(([name]) => counts[name] > 0)
    .map(([name, word]) => `${withSeparators(counts[name])} ${isDryRun ? "would be " : ""}${word}`);
  return `${counted(counts.records, "item")}${parts.length === 0 ? "" : ` = ${parts.join(" + ")}`}`;
};

const maxMessageLength = 1_000;

/** Describes the causes of failures, one line each. */
export const causeLines = (causes: readonly Cause[]): string[] =>
  causes.map(({ kind, code, route, message, items }) => {
    const where = route === undefined ? "" : ` at route ${route}`;
    const first = items === 1 ? "" : "such as ";
    return `  ${withSeparators(items)} ${kind}, ${code}${where}: ${first}${cut(message, maxMessageLength)}`;
  });

/** A hint if the run has written nothing, although it read items. */
export const hintLines = ({ records, filtered }: WorkCounts): string[] =>
  records > 0 && records === filtered
    ? ["  every item is filtered: no route's filter accepts one, or no route has backfill among its origins"]
    : [];

/** Options with a value that `sluice verify` takes as they are. */
const sharedOptions = new Set(["--routes", "--function", "--rcu", "--profile", "--region", "--endpoint-url"]);

/** The command that resumes a run. */
export const resumeCommand = (args: readonly string[], run: string, isNamedRun: boolean): string =>
  sluiceCommand("backfill", ...args, ...(isNamedRun ? [] : ["--run", run]));

/** The command that proves the copies of a run. */
export const verifyCommand = (args: readonly string[], module: string, table: string): string => {
  const shared = args.flatMap((arg, index) => {
    const [name = ""] = arg.split("=");
    if (!sharedOptions.has(name)) return [];
    return arg.includes("=") ? [arg] : [arg, args[index + 1] ?? ""];
  });
  return sluiceCommand("verify", module, "--table", table, ...shared);
};
