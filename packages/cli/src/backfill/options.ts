// The options of `sluice backfill`.

import { type CheckName, checkNames, mostPerSecond } from "@sluice/backfill";
import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import {
  commonOptions,
  mostConcurrent,
  mostSegments,
  type OptionSpecs,
  type OptionValues,
  oneOf,
  parseArguments,
  wholeNumber,
} from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { checkFunction, moduleIn, routesIn, spanMs } from "../pipeline-command/arguments.ts";
import { type RunPlace, runIdIn, runOptions, runPlaceIn } from "../run-state/run-store.ts";

/** Options of a backfill. */
export interface BackfillCommandOptions {
  /** Path of the pipeline's module, and the export's name after a `#`. */
  readonly module: string;
  readonly table: string | undefined;
  /** Address of the export's manifest. */
  readonly manifest: string | undefined;
  readonly dataPrefix: string | undefined;
  readonly run: string;
  /** Whether the user gave the run's id. */
  readonly isNamedRun: boolean;
  readonly place: RunPlace;
  readonly routes: readonly string[] | undefined;
  readonly to: "here" | "lambda";
  readonly functionName: string | undefined;
  readonly readUnitsPerSecond: number | undefined;
  readonly itemsPerSecond: number | undefined;
  readonly yieldAboveMs: number;
  readonly maxFailures: number | undefined;
  readonly segments: number | undefined;
  readonly concurrency: number;
  readonly skipped: readonly CheckName[];
  readonly asksFirst: boolean;
  readonly isConfirmed: boolean;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
  readonly aws: AwsOptions;
}

const defaultConcurrency = 4;
const defaultYieldAbove = "60s";

const options = {
  table: {
    type: "string",
    value: "NAME",
    help: "name or ARN of the table; with --export it is known from the export",
  },
  export: {
    type: "string",
    value: "URL",
    help: "copy an export to S3 instead of the table: s3://bucket/AWSDynamoDB/01…/manifest-summary.json",
  },
  "data-prefix": {
    type: "string",
    value: "PREFIX",
    help: "folder of the export's data files, if they were moved away from their manifest",
  },
  ...runOptions,
  routes: {
    type: "string",
    value: "A,B",
    help: "names of the routes that get the items, to fill a new route alone (default: all routes)",
  },
  to: {
    type: "string",
    value: "here|lambda",
    help: "who writes: the pipeline in this process (the default), or the function of --function",
  },
  function: {
    type: "string",
    value: "NAME",
    help: "name or ARN of the live function: its event source mapping is checked, its lag is watched, and --to lambda invokes it",
  },
  rcu: {
    type: "string",
    value: "N",
    help: "read capacity units per second for the scan (default: 20 % of the provisioned ones, or 500 on demand)",
  },
  "items-per-second": { type: "string", value: "N", help: "maximum number of items per second" },
  "yield-above": {
    type: "string",
    value: "TIME",
    help: "pause while the live function lags by more than this: 90s, 5m (default: 60s)",
  },
  "max-failures": {
    type: "string",
    value: "N",
    help: "end the run after more failures than N (default: 100, and 5 % of the first 1,000 items)",
  },
  segments: {
    type: "string",
    value: "N",
    help: "number of segments of the scan, fixed for a run (default: by the size of the table)",
  },
  concurrency: { type: "string", value: "N", help: "number of segments or files that are read at once (default: 4)" },
  "no-check": {
    type: "string",
    value: "NAME",
    multiple: true,
    help: "start although a check refuses; may be repeated: stream, live, export, sample, ahead",
  },
  estimate: { type: "boolean", help: "show what the run will cost, and ask; the default for 1,000,000 items or more" },
  yes: { type: "boolean", help: "answer the question with yes" },
  "dry-run": {
    type: "boolean",
    help: "read the source, write nothing, and report the outcome that each item would have",
  },
  json: { type: "boolean", help: "write one JSON object for each event to standard output" },
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice backfill`. */
export const backfillHelp: string = helpOf({
  usage: [
    "sluice backfill <pipeline module> --table NAME [options]",
    "sluice backfill <pipeline module> --export URL [options]",
  ],
  about: `Copies the items that a table has to the targets of a pipeline, beside the live stream. The module exports the
pipeline: orders.ts, or dist/orders.js#orders if it exports several. A copy that is newer than the table's item at the
start of the run is superseded, so the live stream and earlier runs are never overwritten.`,
  options,
  notes: `A run has an id and a state, .sluice/runs/ID.json. Ctrl-C finishes the pages in flight, and the command says how to
resume. Items that fail are listed in .sluice/runs/ID.failures.ndjson, without their values.

Exit code: 0 when every item is copied, 1 when items failed or are left, 2 when nothing was copied.`,
});

type Values = OptionValues<typeof options>;

const checkPlaces = (values: Values): void => {
  const { table, export: manifest, "data-prefix": prefix, to, function: name } = values;
  if (table === undefined && manifest === undefined) {
    throw new CommandError("no source is given; expected --table NAME or --export s3://bucket/…/manifest-summary.json");
  }
  if (manifest === undefined && prefix !== undefined) throw new CommandError("--data-prefix needs --export");
  checkFunction(to, name);
  const scanOnly = (["rcu", "segments"] as const).find((option) => values[option] !== undefined);
  if (manifest !== undefined && scanOnly !== undefined) {
    throw new CommandError(`--${scanOnly} is an option of a scan; expected no --export beside it`);
  }
};

/** Reads the arguments. Returns undefined if the user asks for help. @throws {CommandError} if an argument is wrong */
export const backfillOptions = (args: readonly string[], now: number): BackfillCommandOptions | undefined => {
  const { values, positionals } = parseArguments("sluice backfill", options, args);
  if (values.help) return undefined;
  const module = moduleIn(positionals);
  checkPlaces(values);
  return {
    module,
    table: values.table,
    manifest: values.export,
    dataPrefix: values["data-prefix"],
    run: runIdIn(values.run, now),
    isNamedRun: values.run !== undefined,
    place: runPlaceIn(values.state),
    routes: routesIn(values.routes),
    to: oneOf("to", values.to ?? "here", ["here", "lambda"]),
    functionName: values.function,
    readUnitsPerSecond: wholeNumber("rcu", values.rcu, mostPerSecond),
    itemsPerSecond: wholeNumber("items-per-second", values["items-per-second"], mostPerSecond),
    yieldAboveMs: spanMs("yield-above", values["yield-above"] ?? defaultYieldAbove),
    maxFailures: values["max-failures"] === "0" ? 0 : wholeNumber("max-failures", values["max-failures"]),
    segments: wholeNumber("segments", values.segments, mostSegments),
    concurrency: wholeNumber("concurrency", values.concurrency, mostConcurrent) ?? defaultConcurrency,
    skipped: (values["no-check"] ?? []).map((name) => oneOf("no-check", name, checkNames)),
    asksFirst: values.estimate ?? false,
    isConfirmed: values.yes ?? false,
    isDryRun: values["dry-run"] ?? false,
    isJson: values.json ?? false,
    aws: awsOptionsIn(values),
  };
};
