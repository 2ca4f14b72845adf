// What the demo says at its end, and whether it went as it should.

import { describeAudit, isExact } from "./audit.ts";
import { describeComparison, isClean } from "./comparison.ts";
import type { DemoResult } from "./demo-run.ts";
import { withSeparators } from "./progress.ts";
import { percentile } from "./tally.ts";

const line = (name: string, text: string): string => `${name.padEnd(20)}${text}`;

const ofResult = ({ tally, elapsedMs, comparisons, replicas, waiting }: DemoResult): string[] => {
  const { outcomes, records, invocations, latenciesMs } = tally;
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${withSeparators(count)} ${outcome}`);
  const isRedriven = waiting.size === 0 && replicas.some(({ repair }) => repair !== undefined);
  if (isRedriven) counts.push("the redrive included");
  const latency = [0.5, 0.99].map((share) => `p${share * 100} ${withSeparators(percentile(latenciesMs, share))} ms`);
  const perSecond = withSeparators((records / elapsedMs) * 1000);
  return [
    line("changes seen", `${withSeparators(records)} in ${withSeparators(invocations)} invocations`),
    line("outcomes", counts.join(", ")),
    line("records per second", `${perSecond}, writers and engines on the same machine`),
    line("write to visible", `${latency.join(", ")}, the burst of the load included`),
    ...[...comparisons].map(([name, comparison]) => line(name, describeComparison(comparison))),
    ...(waiting.size > 0 ? [line("", `films that wait among the dead letters: ${waiting.size}`)] : []),
  ];
};

/** What went wrong on purpose at the feeds. */
const ofFaults = ({ feeds, faults, outage }: DemoResult): string[] =>
  feeds.length === 0 || outage !== undefined
    ? []
    : [
        `half of a batch failed, once, at ${[...faults.halved].join(", ") || "no sink"}`,
        `the function crashed with ${faults.crashedRecords()} records sent, which came again in halves\n`,
      ];

/** What each receiver got. */
const ofFeeds = ({ feeds, audits }: DemoResult): string[] =>
  feeds.flatMap(({ name, about }) => {
    const found = audits.get(name);
    if (found === undefined) return [];
    const kinds = found.busiest.map(({ kind }) => kind).join(", ");
    return [
      line(name, describeAudit(found)),
      line("", about),
      line("", `film ${found.busiest[0]?.filmId}, as it arrived: ${kinds}`),
    ];
  });

const ofOutage = ({ outage, waiting }: DemoResult): string[] => {
  if (outage === undefined) return [];
  const { awayMs, settled, spilled, longestWaitMs, emptyMs, agreementMs } = outage;
  const taken = [...settled].map(([route, count]) => `${withSeparators(count)} ${route}`).join(", ");
  const { before, meanwhile } = longestWaitMs;
  return [
    line("without Postgres", `${withSeparators(awayMs)} ms`),
    line("  changes taken", taken),
    line("  spilled", `${withSeparators(spilled)} to the retry queue`),
    line(
      "  stream",
      `no change waited longer than ${withSeparators(meanwhile)} ms; before, ${withSeparators(before)} ms`,
    ),
    line("Postgres is back", `the retry queue was empty after ${withSeparators(emptyMs)} ms`),
    ...(waiting.size === 0 ? [line("", `everything agreed after ${withSeparators(agreementMs)} ms`)] : []),
    "",
  ];
};

/** The lines of the end. */
export const summaryOf = (result: DemoResult): string[] => [
  ...ofOutage(result),
  ...ofResult(result),
  ...ofFaults(result),
  ...ofFeeds(result),
];

/** Whether each feed's receiver got every change once and in order, although everything went wrong that should. */
const feedsAreExact = ({ feeds, faults, audits, outage }: DemoResult): boolean => {
  const isTested = outage !== undefined || (faults.halved.size === feeds.length && faults.crashedRecords() > 0);
  return feeds.length === 0 || (isTested && [...audits.values()].every(isExact));
};

/** An outage must cost Postgres something, and the others nothing. */
const outageIsTold = ({ outage }: DemoResult): boolean => outage === undefined || outage.spilled > 0;

/** Whether table and replicas agree, and every feed got what it should. */
export const isAsItShould = (result: DemoResult): boolean => {
  const agrees = [...result.comparisons.values()].every((comparison) => isClean(comparison, result.waiting));
  return result.isHealed && agrees && outageIsTold(result) && feedsAreExact(result);
};
