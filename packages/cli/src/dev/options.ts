// The options of `sluice dev`.

import type { TableKey } from "@sluice/dev";
import { commonOptions, type OptionSpecs, parseArguments } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { keyIn, tableName } from "../init/plan.ts";

/** The port of the console, if it is free. */
export const defaultPort = 4983;

const defaultTimeoutSeconds = 30;

/** Options of `sluice dev`. */
export interface DevCommandOptions {
  readonly modules: readonly string[];
  readonly table: string | undefined;
  readonly key: TableKey | undefined;
  readonly seed: string | undefined;
  readonly envFiles: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Undefined: the default port, or a free one. */
  readonly port: number | undefined;
  readonly opens: boolean;
  readonly hasConsole: boolean;
  readonly history: string | undefined;
}

const options = {
  table: {
    type: "string",
    value: "NAME",
    help: "name of the source table. Default: the pipeline's option source, SOURCE_TABLE, or the name of the module",
  },
  key: {
    type: "string",
    value: "KEY",
    help: "key of the table if it is created: id, or pk,sk; orderNumber:N is a number. Default: what the seed's items have, or id",
  },
  seed: {
    type: "string",
    value: "FILE",
    help: "items to write into the table: a JSON array, or NDJSON; plain JSON, or DynamoDB's",
  },
  "env-file": {
    type: "string",
    multiple: true,
    value: "FILE",
    help: "variables for the modules, lines NAME=VALUE (may be repeated)",
  },
  env: {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    help: "a variable for the modules (may be repeated); $DATABASE_URL in a value is the variable of this name",
  },
  timeout: {
    type: "string",
    value: "SECONDS",
    help: `time limit of an invocation, 1 to 900. Default ${defaultTimeoutSeconds}`,
  },
  port: { type: "string", value: "N", help: `port of the console. Default ${defaultPort}, or the next free one` },
  open: { type: "boolean", help: "open the console in the browser" },
  "no-console": { type: "boolean", help: "start no console" },
  history: {
    type: "string",
    value: "FILE",
    help: "append each delivery to this file, as a line of JSON without values",
  },
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice dev`. */
export const devHelp: string = helpOf({
  usage: ["sluice dev <pipeline module> [more modules] [options]"],
  about: `Runs a pipeline on your machine, with a console in the browser that shows what it does. Starts the engines that the
module's imports need: DynamoDB Local with a stream, SQS, SNS and S3, Postgres, OpenSearch, a mail server, and a server that
stands for webhooks, EventBridge and SES. Creates the table, the queues and what the targets lack. When a file of the module
changes, the pipeline is loaded again, and goes on where it was in the stream.`,
  options,
  notes: `A module is a path such as orders.ts, or orders.ts#orders if it exports several pipelines. Each runs in a process of its
own. A variable with the address of an engine makes the command use that engine, which it neither stops nor empties:
DYNAMODB_ENDPOINT, AWS_ENDPOINT_URL_SQS, DATABASE_URL, OPENSEARCH_URL, SMTP_URL. The modules get no real credentials of AWS,
unless DynamoDB or SQS is your own.

Ctrl-C ends everything. Exit code: 0 after Ctrl-C, 2 when the command could not start.`,
});

const portIn = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new CommandError(`--port is "${text}"; expected a whole number from 0 to 65535`);
};

const timeoutIn = (text = String(defaultTimeoutSeconds)): number => {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 900) return seconds * 1_000;
  throw new CommandError(`--timeout is "${text}"; expected a whole number of seconds from 1 to 900`);
};

const variableIn = (text: string): readonly [string, string] => {
  const [, name, value] = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  // The text may have a password, so that the message does not show it.
  throw new CommandError("--env has no name and value; expected NAME=VALUE");
};

/** Reads the arguments. Returns undefined if the user asks for help. @throws {CommandError} if an argument is wrong */
export const devOptions = (args: readonly string[]): DevCommandOptions | undefined => {
  const { values, positionals } = parseArguments("sluice dev", options, args);
  if (values.help) return undefined;
  if (positionals.length === 0)
    throw new CommandError("the module is missing; expected its path: sluice dev orders.ts");
  if (values["no-console"] && (values.open || values.port !== undefined)) {
    throw new CommandError(`--no-console excludes --${values.open ? "open" : "port"}; expected one of the two`);
  }
  return {
    modules: positionals,
    table: values.table === undefined ? undefined : tableName(values.table),
    key: values.key === undefined ? undefined : keyIn(values.key),
    seed: values.seed,
    envFiles: values["env-file"] ?? [],
    env: Object.fromEntries((values.env ?? []).map(variableIn)),
    timeoutMs: timeoutIn(values.timeout),
    port: portIn(values.port),
    opens: values.open ?? false,
    hasConsole: !values["no-console"],
    history: values.history,
  };
};
