// The main job on embedded engines: films in DynamoDB, their changes through the real Lambda handler into every replica
// that was asked for, a poison film into the dead-letter queue and back, and a value-by-value comparison at the end.
// Feeds are sent every change while a batch fails half way and the function crashes, and audited at the end. With
// --outage Postgres is away for a while instead.
// Exit code: 0 when table and replicas agree and every feed got each change once and in order, 1 when not, 2 when an
// engine is missing, 130 after Ctrl-C.

import { SluiceError } from "@sluice/core/sink-kit";
import { EngineMissingError } from "@sluice/local";
import { type DemoEngines, startDemoEngines } from "./demo-engines.ts";
import { type DemoResult, replicateFilms } from "./demo-run.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { type Progress, progressOn, withSeparators } from "./progress.ts";
import { isAsItShould, summaryOf } from "./summary.ts";

const progress: Progress = progressOn(process.stdout);
// Nobody reads on, as after `| head`. The engines end with their program.
process.stdout.once("error", () => process.exit(1));
const exitCodeOfSigint = 130;

/** What the functions were configured with, and whoever redrives must be as well. Keys of the user's own are not shown. */
const environmentNames = [
  "DATABASE_URL",
  "DEAD_LETTER_QUEUE_URL",
  "AWS_ENDPOINT_URL_SQS",
  "AWS_REGION",
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].filter((name) => process.env[name] === undefined),
];

const handlerFile = "examples/replicate-to-postgres/dist/handler.js";

const environmentOf = (names: readonly string[]): string =>
  names.flatMap((name) => (process.env[name] === undefined ? [] : `${name}=${process.env[name]}`)).join(" ");

/** How to redrive by hand. The pipeline of examples/replicate-to-postgres is the one that Postgres' dead letters name. */
const redriveHint = ({ deadLetterUrl }: DemoResult, { sqs }: DemoEngines): string[] => [
  `Redrive:  export ${environmentOf(environmentNames)}`,
  `          npx sluice redrive ${deadLetterUrl} --endpoint-url ${sqs.endpoint} --to local --handler ${handlerFile}`,
];

const sayHowToLook = (result: DemoResult, engines: DemoEngines): void => {
  progress.say("");
  if (result.waiting.size > 0) for (const line of redriveHint(result, engines)) progress.say(line);
  for (const { look } of result.replicas) progress.say(`Look:     ${look}`);
  progress.say(`          DynamoDB ${engines.dynamodb.endpoint}   SQS ${engines.sqs.endpoint}`);
  progress.say("          Ctrl-C stops the engines.");
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
  const sinks = new Intl.ListFormat("en-GB").format(options.sinks);
  progress.say(`Sluice: 3,201 films from DynamoDB to ${sinks}, through the Lambda handler`);
  if (options.outage && process.env.DATABASE_URL) {
    progress.say("The outage needs a Postgres of its own to kill: unset DATABASE_URL.");
    return 2;
  }
  const engines = await startEngines(options);
  const interrupted = interruption();
  try {
    const result = await Promise.race([replicateFilms(options, engines, progress), interrupted]);
    if (result === "interrupted") return sayInterrupted();
    for (const line of summaryOf(result)) progress.say(line);
    if (options.keep) {
      sayHowToLook(result, engines);
      await interrupted;
    } else if (result.replicas.length > 0) {
      progress.say("\nTo look at the copies yourself: npm run demo -- --keep");
    }
    for (const target of [...result.replicas, ...result.feeds]) await target.close();
    return isAsItShould(result) ? 0 : 1;
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
    process.stderr.write(`${options}\n\n${usage}`);
    return 1;
  }
  if (!options.help) return run(options).catch(failed);
  progress.say(usage);
  return 0;
};

process.exit(await main());
