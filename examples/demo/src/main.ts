// Runs Sluice on embedded engines. A Lambda handler replicates the changes of films in DynamoDB to the chosen replicas.
// A bad record goes to the dead-letter queue and is redriven. At the end the demo compares every value. Feeds get a
// message for every change. To test feeds, half of a batch fails and the function crashes, and an audit checks the
// messages. With --outage, these faults are left out. Instead, Postgres is down for some time. With --backfill, the films
// are older than the stream: a backfill copies them, and verify proves and repairs the copies.
// Exit code: 0 if table and replicas are equal and every feed got each change once and in order, 2 if an engine is
// missing, 130 after Ctrl-C, 1 otherwise.

import { terminalOf } from "@sluice/charts";
import { SluiceError } from "@sluice/core/sink-kit";
import { EngineMissingError } from "@sluice/local";
import { type BackfillDemoResult, copyFilms } from "./backfill/backfill-demo.ts";
import { describeComparison } from "./comparison.ts";
import { type DemoEngines, startDemoEngines } from "./demo-engines.ts";
import { type DemoResult, replicateFilms } from "./demo-run.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { problemOfFile, showMetrics } from "./outage/show-metrics.ts";
import { type ProgressPrinter, progressOn, withSeparators } from "./progress.ts";
import { isSuccess, summaryOf } from "./summary.ts";

const progress: ProgressPrinter = progressOn(process.stdout);
// Writing to standard output fails after its reader, such as `| head`, has exited. The engines stop with this process.
process.stdout.once("error", () => process.exit(1));
const exitCodeOfSigint = 130;

/** The variables that the demo prints, so that a user can redrive by hand. The user's own AWS keys are not printed. */
const environmentNames = [
  "DATABASE_URL",
  "SOURCE_TABLE",
  "DEAD_LETTER_QUEUE_URL",
  "AWS_ENDPOINT_URL_SQS",
  "AWS_REGION",
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].filter((name) => process.env[name] === undefined),
];

const handlerFile = "examples/demo/dist/films/handler.js";

const environmentOf = (names: readonly string[]): string =>
  names.flatMap((name) => (process.env[name] === undefined ? [] : `${name}=${process.env[name]}`)).join(" ");

/**
 * Returns the lines that explain a redrive by hand. The commands use the handler of films/handler.ts,
 * because its pipeline wrote the dead letters.
 */
const redriveHint = ({ deadLetterUrl }: DemoResult, { sqs }: DemoEngines): string[] => [
  `Redrive:  export ${environmentOf(environmentNames)}`,
  `          npx sluice redrive ${deadLetterUrl} --endpoint-url ${sqs.endpoint} --to local --handler ${handlerFile}`,
];

const printInstructions = ({ hints, replicas }: DemoEnd, engines: DemoEngines): void => {
  progress.say("");
  for (const line of hints) progress.say(line);
  for (const { query } of replicas) progress.say(`Query:    ${query}`);
  progress.say(`          DynamoDB ${engines.dynamodb.endpoint}   SQS ${engines.sqs.endpoint}`);
  progress.say("          Ctrl-C stops the engines.");
};

/** What the end of a demo needs. */
interface DemoEnd extends Pick<DemoResult, "replicas" | "feeds"> {
  readonly isSuccess: boolean;
  /** Lines that explain what may be done by hand. */
  readonly hints: readonly string[];
}

/** Returns the lines that show the metrics of an outage. */
const metricsOf = async ({ outage, metricLines }: DemoResult, { sinks, svg }: Options): Promise<string[]> =>
  outage === undefined
    ? []
    : showMetrics({ ...outage, routes: sinks, metricLines }, terminalOf(process.stdout, process.env), svg);

/** Replicates films from the beginning of the stream. */
const replicate = async (options: Options, engines: DemoEngines): Promise<DemoEnd> => {
  const result = await replicateFilms(options, engines, progress);
  for (const line of summaryOf(result)) progress.say(line);
  for (const line of await metricsOf(result, options)) progress.say(line);
  const hints = result.deadLettered.size > 0 ? redriveHint(result, engines) : [];
  return { ...result, isSuccess: isSuccess(result), hints };
};

/** Copies films that are older than the stream. */
const copy = async (options: Options, engines: DemoEngines): Promise<DemoEnd> => {
  const result: BackfillDemoResult = await copyFilms(options, engines, progress, describeComparison);
  return { ...result, feeds: [], hints: [] };
};

/** Resolves at the first Ctrl-C, so that the engines can be stopped. A second Ctrl-C ends the process immediately. */
const interruption = (): Promise<"interrupted"> =>
  new Promise((resolve) => {
    const keepAlive = setInterval(() => {}, 60_000);
    process.once("SIGINT", () => {
      clearInterval(keepAlive);
      resolve("interrupted");
    });
  });

/** Ends the demo after Ctrl-C. The engines stop, so the current work fails. Warnings of this work are not printed. */
const endInterrupted = (): number => {
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
  const films = options.backfill
    ? `${withSeparators(options.items)} films that are older than the stream,`
    : "3,201 films";
  progress.say(`Sluice: ${films} from DynamoDB to ${sinks}, through the Lambda handler`);
  if (options.outage && process.env.DATABASE_URL) {
    progress.say("--outage kills Postgres, so it needs an embedded one: unset DATABASE_URL.");
    return 2;
  }
  const problem = options.svg === undefined ? undefined : await problemOfFile(options.svg);
  if (problem !== undefined) {
    progress.say(problem);
    return 1;
  }
  const engines = await startEngines(options);
  const interrupted = interruption();
  try {
    const demo = options.backfill ? copy : replicate;
    const result = await Promise.race([demo(options, engines), interrupted]);
    if (result === "interrupted") return endInterrupted();
    if (options.keep) {
      printInstructions(result, engines);
      await interrupted;
    } else if (result.replicas.length > 0) {
      progress.say("\nTo query the copies yourself: npm run demo -- --keep");
    }
    for (const target of [...result.replicas, ...result.feeds]) await target.close();
    return result.isSuccess ? 0 : 1;
  } finally {
    await engines.stop();
  }
};

/** Prints the error of a missing engine or a wrong configuration as one sentence, without a stack trace. */
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
  // Turns off the SDK's warning about Node 20, because the warning would interrupt the progress line.
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
