// The main job on embedded engines: films in DynamoDB, their changes through the real Lambda handler into every replica
// that was asked for, a poison film into the dead-letter queue and back, and a value-by-value comparison at the end.
// Feeds are sent every change while a batch fails half way and the function crashes, and audited at the end.
// Exit code: 0 when table and replicas agree and every feed got each change once and in order, 1 when not, 2 when an
// engine is missing, 130 after Ctrl-C.

import { SluiceError } from "@sluice/core";
import { EngineMissingError } from "@sluice/local";
import { describeAudit, isExact } from "./audit.ts";
import { describeComparison, isClean } from "./comparison.ts";
import { type DemoEngines, startDemoEngines } from "./demo-engines.ts";
import { type DemoResult, replicateFilms } from "./demo-run.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { type Progress, progressOn, withSeparators } from "./progress.ts";
import { percentile } from "./tally.ts";

const progress: Progress = progressOn(process.stdout);
const exitCodeOfSigint = 130;

const sayResult = ({ tally, elapsedMs, comparisons, replicas }: DemoResult): void => {
  const { outcomes, records, invocations, latenciesMs } = tally;
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${withSeparators(count)} ${outcome}`);
  if (replicas.some(({ repair }) => repair !== undefined)) counts.push("the redrive included");
  const latency = [0.5, 0.99].map((share) => `p${share * 100} ${withSeparators(percentile(latenciesMs, share))} ms`);
  const perSecond = withSeparators((records / elapsedMs) * 1000);
  progress.say(`changes seen        ${withSeparators(records)} in ${withSeparators(invocations)} invocations`);
  progress.say(`outcomes            ${counts.join(", ")}`);
  progress.say(`records per second  ${perSecond}, writers and engines on the same machine`);
  progress.say(`write to visible    ${latency.join(", ")}`);
  for (const [name, comparison] of comparisons) {
    progress.say(`${name.padEnd(20)}${describeComparison(comparison)}`);
  }
};

/** What went wrong on purpose, and what each receiver got. */
const sayFeeds = ({ feeds, faults, audits }: DemoResult): void => {
  if (feeds.length === 0) return;
  progress.say(`half of a batch failed, once, at ${[...faults.halved].join(", ") || "no sink"}`);
  progress.say(`the function crashed with ${faults.crashedRecords()} records sent, which came again in halves\n`);
  for (const { name, about } of feeds) {
    const found = audits.get(name);
    if (found === undefined) continue;
    progress.say(`${name.padEnd(20)}${describeAudit(found)}`);
    progress.say(`${"".padEnd(20)}${about}`);
    const kinds = found.busiest.map(({ kind }) => kind).join(", ");
    progress.say(`${"".padEnd(20)}film ${found.busiest[0]?.filmId}, as it arrived: ${kinds}`);
  }
};

/** Whether each feed's receiver got every change once and in order, although everything went wrong that should. */
const feedsAreExact = ({ feeds, faults, audits }: DemoResult): boolean =>
  feeds.length === 0 ||
  (faults.halved.size === feeds.length && faults.crashedRecords() > 0 && [...audits.values()].every(isExact));

const sayHowToLook = (result: DemoResult, engines: DemoEngines): void => {
  progress.say("");
  for (const { look } of result.replicas) progress.say(`Look:  ${look}`);
  progress.say(`       DynamoDB ${engines.dynamodb.endpoint}   SQS ${engines.sqs.endpoint}`);
  progress.say("       Ctrl-C stops the engines.");
};

/** Resolves at the first Ctrl-C, so that the prompt comes back when the engines are gone. The second one acts at once. */
const interruption = (): Promise<"interrupted"> =>
  new Promise((resolve) => {
    const keepAlive = setInterval(() => {}, 60_000);
    process.once("SIGINT", () => {
      clearInterval(keepAlive);
      resolve("interrupted");
    });
  });

/** What still runs will meet engines that go away: nobody wants to hear of it. */
const sayInterrupted = (): number => {
  progress.say("interrupted: stopping the engines");
  progress.end();
  process.removeAllListeners("warning");
  return exitCodeOfSigint;
};

const startEngines = async (options: Options): Promise<DemoEngines> => {
  const startedAt = Date.now();
  progress.update("starting the engines");
  const engines = await startDemoEngines(options.sinks);
  progress.say(`  engines ready in ${withSeparators(Date.now() - startedAt)} ms`);
  return engines;
};

const run = async (options: Options): Promise<number> => {
  progress.say(`Sluice: 3,201 films from DynamoDB to ${options.sinks.join(" and ")}, through the Lambda handler`);
  const engines = await startEngines(options);
  const interrupted = interruption();
  try {
    const result = await Promise.race([replicateFilms(options, engines, progress), interrupted]);
    if (result === "interrupted") return sayInterrupted();
    sayResult(result);
    sayFeeds(result);
    if (options.keep) {
      sayHowToLook(result, engines);
      await interrupted;
    } else if (result.replicas.length > 0) {
      progress.say("\nTo look at the copies yourself: npm run demo -- --keep");
    }
    for (const target of [...result.replicas, ...result.feeds]) await target.close();
    const agrees = [...result.comparisons.values()].every(isClean);
    return result.isHealed && agrees && feedsAreExact(result) ? 0 : 1;
  } finally {
    await engines.stop();
  }
};

/** What is missing, or does not answer at the address that was given, is said in one sentence; a stack would hide it. */
const failed = (error: unknown): number => {
  if (error instanceof EngineMissingError) {
    progress.say(error.message);
    return 2;
  }
  if (!(error instanceof SluiceError)) throw error;
  progress.say(`${error.code}: ${error.message}`);
  return 1;
};

const main = async (): Promise<number> => {
  // The SDK's reminder of Node 20's end of life would tear the progress line.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") {
    progress.say(`${options}\n\n${usage}`);
    return 1;
  }
  if (!options.help) return run(options).catch(failed);
  progress.say(usage);
  return 0;
};

process.exit(await main());
