// The options of `sluice verify`.

import { mostPerSecond } from "@sluice/backfill";
import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { type PayloadPlace, payloadOptions, payloadPlace } from "../aws/payloads.ts";
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
import { newRunId } from "../run-state/run-store.ts";

/** Options of a verification. */
export interface VerifyCommandOptions {
  /** Path of the pipeline's module, and the export's name after a `#`. */
  readonly module: string;
  readonly table: string;
  /** Part of the name of the file with the findings. */
  readonly run: string;
  readonly repairs: boolean;
  readonly to: "here" | "lambda";
  readonly functionName: string | undefined;
  readonly routes: readonly string[] | undefined;
  /** From 0 to 1. */
  readonly sample: number;
  /** Texts of the keys, or undefined for all items. */
  readonly keys: readonly string[] | undefined;
  readonly graceMs: number | undefined;
  /** URLs of queues. */
  readonly deadLetters: readonly string[];
  readonly payloadStore: PayloadPlace | undefined;
  readonly showsValues: boolean;
  readonly maxSuspects: number | undefined;
  readonly readUnitsPerSecond: number | undefined;
  readonly segments: number | undefined;
  readonly concurrency: number;
  readonly asksFirst: boolean;
  readonly isConfirmed: boolean;
  readonly isJson: boolean;
  readonly aws: AwsOptions;
}

const defaultConcurrency = 4;

const options = {
  table: { type: "string", value: "NAME", help: "name or ARN of the table" },
  repair: { type: "boolean", help: "write copies that differ again; a copy that has changed meanwhile stays as it is" },
  to: {
    type: "string",
    value: "here|lambda",
    help: "who writes the repairs: the pipeline in this process (the default), or the function of --function",
  },
  function: {
    type: "string",
    value: "NAME",
    help: "name or ARN of the live function: its lag is watched, and --to lambda invokes it",
  },
  routes: { type: "string", value: "A,B", help: "names of the routes whose targets to verify (default: all routes)" },
  sample: {
    type: "string",
    value: "PART",
    help: "verify only a part of the items, such as 0.01; every run selects the same items",
  },
  key: {
    type: "string",
    multiple: true,
    value: "JSON",
    help: `verify only this item (may be repeated): all its key attributes as JSON, '{"id":"o-1"}'; binary values are base64 text`,
  },
  grace: {
    type: "string",
    value: "TIME",
    help: "time in which every change reaches its target; a difference that stays longer is a finding: 90s, 5m (default: 60s, and at least the lag of --function)",
  },
  "dead-letters": {
    type: "string",
    multiple: true,
    value: "URL",
    help: "a queue of dead letters, or the retry queue: its items are shown as pending, and not repaired (may be repeated)",
  },
  ...payloadOptions,
  "show-values": { type: "boolean", help: "show the values that differ, not only the names of the members" },
  "max-suspects": {
    type: "string",
    value: "N",
    help: "stop when more than N copies differ (default: 100,000): the target was not filled, or the mapper was changed",
  },
  rcu: {
    type: "string",
    value: "N",
    help: "read capacity units per second (default: 20 % of the provisioned ones, or 500 on demand)",
  },
  segments: { type: "string", value: "N", help: "number of segments of the scan (default: by the size of the table)" },
  concurrency: { type: "string", value: "N", help: "number of segments that are read at once (default: 4)" },
  estimate: { type: "boolean", help: "show what the scan will cost, and ask; the default for 1,000,000 items or more" },
  yes: { type: "boolean", help: "answer the question with yes" },
  json: { type: "boolean", help: "write one JSON object for each event to standard output" },
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice verify`. */
export const verifyHelp: string = helpOf({
  usage: ["sluice verify <pipeline module> --table NAME [--repair] [options]"],
  about: `Compares the copies in the targets of a pipeline with the items of its table, value by value, beside the live
stream. The module exports the pipeline: orders.ts, or dist/orders.js#orders if it exports several. A copy is a finding
only if it differs in two looks, --grace apart, and was not written between them.`,
  options,
  notes: `Findings are missing, wrongly-removed, stale (older than the item's copies elsewhere), different, unexpected (the
filter says no), and ghost (there is no such item). All of them are listed in .sluice/runs/ID.findings.ndjson.

Exit code: 0 when every copy agrees or was repaired, 1 when copies differ or the run was stopped, 2 when nothing was
compared.`,
});

type Values = OptionValues<typeof options>;

const sampleIn = (text: string | undefined): number => {
  if (text === undefined) return 1;
  const sample = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (sample > 0 && sample <= 1) return sample;
  throw new CommandError(`--sample is "${text}"; expected a number above 0 and up to 1, such as 0.01`);
};

const checkTogether = (values: Values): void => {
  checkFunction(values.to, values.function);
  if (values.to !== undefined && !values.repair)
    throw new CommandError("--to says who writes repairs; expected --repair");
  if (values.key !== undefined && values.sample !== undefined) {
    throw new CommandError("--key and --sample both select items; expected one of the two");
  }
};

/** Reads the arguments. Returns undefined if the user asks for help. @throws {CommandError} if an argument is wrong */
export const verifyOptions = (args: readonly string[], now: number): VerifyCommandOptions | undefined => {
  const { values, positionals } = parseArguments("sluice verify", options, args);
  if (values.help) return undefined;
  const module = moduleIn(positionals);
  if (values.table === undefined) throw new CommandError("--table is missing; expected the name of the table");
  checkTogether(values);
  return {
    module,
    table: values.table,
    run: newRunId(now),
    repairs: values.repair ?? false,
    to: oneOf("to", values.to ?? "here", ["here", "lambda"]),
    functionName: values.function,
    routes: routesIn(values.routes),
    sample: sampleIn(values.sample),
    keys: values.key,
    graceMs: values.grace === undefined ? undefined : spanMs("grace", values.grace),
    deadLetters: values["dead-letters"] ?? [],
    payloadStore: payloadPlace(values),
    showsValues: values["show-values"] ?? false,
    maxSuspects: wholeNumber("max-suspects", values["max-suspects"]),
    readUnitsPerSecond: wholeNumber("rcu", values.rcu, mostPerSecond),
    segments: wholeNumber("segments", values.segments, mostSegments),
    concurrency: wholeNumber("concurrency", values.concurrency, mostConcurrent) ?? defaultConcurrency,
    asksFirst: values.estimate ?? false,
    isConfirmed: values.yes ?? false,
    isJson: values.json ?? false,
    aws: awsOptionsIn(values),
  };
};
