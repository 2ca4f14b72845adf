// The main job on embedded engines: films in DynamoDB, their changes through the real Lambda handler into every replica
// that was asked for, a poison film into the dead-letter queue and back, and a value-by-value comparison at the end.
// Feeds are sent every change while a batch fails half way and the function crashes, and audited at the end. With
// --outage Postgres is away for a while instead.
// Exit code: 0 when table and replica agree and every feed got each change once and in order, 1 when not, 2 when an
// engine is missing.

import { EngineMissingError } from "@sluice/local";
import { type DemoEngines, startDemoEngines } from "./demo-engines.ts";
import { type DemoResult, replicateFilms } from "./demo-run.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { type Progress, progressOn, withSeparators } from "./progress.ts";
import { isAsItShould, summaryOf } from "./summary.ts";

const progress: Progress = progressOn(process.stdout);

/** What the functions were configured with, and whoever redrives must be as well. */
const environmentNames = [
  "DATABASE_URL",
  "DEAD_LETTER_QUEUE_URL",
  "AWS_ENDPOINT_URL_SQS",
  "AWS_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
];

const environmentOf = (names: readonly string[]): string =>
  names.flatMap((name) => (process.env[name] === undefined ? [] : `${name}=${process.env[name]}`)).join(" ");

/** How to redrive by hand. The pipeline of examples/replicate-to-postgres is the one that Postgres' dead letters name. */
const redriveHint = ({ deadLetterUrl }: DemoResult, { sqs }: DemoEngines): string[] => [
  `Redrive:  npx sluice redrive ${deadLetterUrl} --endpoint-url ${sqs.endpoint}`,
  `          export ${environmentOf(environmentNames)}`,
];

const untilInterrupted = (result: DemoResult, engines: DemoEngines): Promise<void> => {
  progress.say("");
  if (result.waiting.size > 0) for (const line of redriveHint(result, engines)) progress.say(line);
  for (const { look } of result.replicas) progress.say(`Look:     ${look}`);
  progress.say(`          DynamoDB ${engines.dynamodb.endpoint}   SQS ${engines.sqs.endpoint}`);
  progress.say("          Ctrl-C stops the engines.");
  return new Promise((resolve) => {
    const keepAlive = setInterval(() => {}, 60_000);
    process.once("SIGINT", () => {
      clearInterval(keepAlive);
      resolve();
    });
  });
};

const startEngines = async (options: Options): Promise<DemoEngines | undefined> => {
  const startedAt = Date.now();
  try {
    const engines = await startDemoEngines(options.sinks);
    progress.say(`  engines ready in ${withSeparators(Date.now() - startedAt)} ms`);
    return engines;
  } catch (error) {
    if (!(error instanceof EngineMissingError)) throw error;
    progress.say(error.message);
    return undefined;
  }
};

const run = async (options: Options): Promise<number> => {
  progress.say(`Sluice: 3,201 films from DynamoDB to ${options.sinks.join(" and ")}, through the Lambda handler`);
  if (options.outage && process.env.DATABASE_URL) {
    progress.say("The outage needs a Postgres of its own to kill: unset DATABASE_URL.");
    return 2;
  }
  const engines = await startEngines(options);
  if (engines === undefined) return 2;
  try {
    const result = await replicateFilms(options, engines, progress);
    for (const line of summaryOf(result)) progress.say(line);
    if (options.keep) await untilInterrupted(result, engines);
    for (const target of [...result.replicas, ...result.feeds]) await target.close();
    return isAsItShould(result) ? 0 : 1;
  } finally {
    await engines.stop();
  }
};

const main = async (): Promise<number> => {
  // The SDK's reminder of Node 20's end of life would tear the progress line.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") {
    progress.say(`${options}\n\n${usage}`);
    return 1;
  }
  if (!options.help) return run(options);
  progress.say(usage);
  return 0;
};

process.exit(await main());
