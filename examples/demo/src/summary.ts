// Prints the last lines of the demo, and decides whether the demo succeeded.

import { describeAudit, isExact } from "./audit.ts";
import { describeComparison, isClean } from "./comparison.ts";
import type { DemoResult } from "./demo-run.ts";
import { withSeparators } from "./progress.ts";
import { percentile } from "./tally.ts";

const line = (name: string, text: string): string => `${name.padEnd(20)}${text}`;

const resultLines = ({ tally, elapsedMs, comparisons, replicas, deadLettered }: DemoResult): string[] => {
  const { outcomes, records, invocations, latenciesMs } = tally;
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${withSeparators(count)} ${outcome}`);
  const includesRedrive = deadLettered.size === 0 && replicas.some(({ repair }) => repair !== undefined);
  const note = includesRedrive ? " (including the redrive)" : "";
  const latency = [0.5, 0.99].map((share) => `p${share * 100} ${withSeparators(percentile(latenciesMs, share))} ms`);
  const perSecond = withSeparators((records / elapsedMs) * 1000);
  return [
    line("changes", `${withSeparators(records)} in ${withSeparators(invocations)} invocations`),
    line("outcomes", `${counts.join(", ")}${note}`),
    line("records per second", `${perSecond} (writers and engines share this machine)`),
    line("write to visible", `${latency.join(", ")} (including the initial load)`),
    ...[...comparisons].map(([name, comparison]) => line(name, describeComparison(comparison))),
    ...(deadLettered.size > 0 ? [line("", `films left in the dead-letter queue: ${deadLettered.size}`)] : []),
  ];
};

const faultLines = ({ feeds, faults, outage }: DemoResult): string[] =>
  feeds.length === 0 || outage !== undefined
    ? []
    : [
        `faults: half of a batch failed once for ${[...faults.halved].join(", ") || "no sink"};`,
        `        the function crashed once after it had sent ${faults.crashedRecords()} records, which Lambda delivered again\n`,
      ];

const feedLines = ({ feeds, audits }: DemoResult): string[] =>
  feeds.flatMap(({ name, about }) => {
    const found = audits.get(name);
    if (found === undefined) return [];
    const kinds = found.busiest.map(({ kind }) => kind).join(", ");
    return [
      line(name, describeAudit(found)),
      line("", about),
      line("", `order of arrival, for example film ${found.busiest[0]?.filmId}: ${kinds}`),
    ];
  });

const outageLines = ({ outage, deadLettered }: DemoResult): string[] => {
  if (outage === undefined) return [];
  const { durationMs, written, queued, longestWaitMs, emptyMs, agreementMs } = outage;
  const counts = [...written].map(([route, count]) => `${withSeparators(count)} ${route}`).join(", ");
  const { before, during } = longestWaitMs;
  return [
    line("outage of Postgres", `${withSeparators(durationMs)} ms`),
    line("  written", `${counts} (changes during the outage)`),
    line("  queued for retry", `${withSeparators(queued)} deliveries`),
    line(
      "  longest wait",
      `${withSeparators(during)} ms on the stream; ${withSeparators(before)} ms before the outage`,
    ),
    line("after the restart", `the retry queue was empty after ${withSeparators(emptyMs)} ms`),
    ...(deadLettered.size === 0
      ? [line("", `all copies were equal after ${withSeparators(agreementMs)} ms, the last writes included`)]
      : []),
    "",
  ];
};

/** Returns the last lines of the demo's output. */
export const summaryOf = (result: DemoResult): string[] => [
  ...outageLines(result),
  ...resultLines(result),
  ...faultLines(result),
  ...feedLines(result),
];

/** Returns true if the faults or the outage happened, and each feed still got every change once and in order. */
const feedsAreExact = ({ feeds, faults, audits, outage }: DemoResult): boolean => {
  const isTested = outage !== undefined || (faults.halved.size === feeds.length && faults.crashedRecords() > 0);
  return feeds.length === 0 || (isTested && [...audits.values()].every(isExact));
};

/** Returns true if the outage caused deliveries to be queued for retry, or if there was no outage. */
const outageHadEffect = ({ outage }: DemoResult): boolean => outage === undefined || outage.queued > 0;

/** Returns true if the redrive succeeded, all copies are equal, and every feed got each change once and in order. */
export const isSuccess = (result: DemoResult): boolean => {
  const isEqual = [...result.comparisons.values()].every((comparison) => isClean(comparison, result.deadLettered));
  return result.isRedriven && isEqual && outageHadEffect(result) && feedsAreExact(result);
};
