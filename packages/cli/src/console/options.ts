// The options of `sluice console`.

import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { type PayloadPlace, payloadOptions, payloadPlace } from "../aws/payloads.ts";
import { commonOptions, type OptionSpecs, parseArguments } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { queueUrlIn } from "../message-source/source-address.ts";
import { namedFunction, optionalModule } from "../pipeline-command/arguments.ts";

/** What the page may do: only look; look, and redrive; or everything. */
export type ConsoleRights = "read" | "redrive" | "write";

/** Options of a console of a deployment. */
export interface ConsoleCommandOptions {
  /** Path of the pipeline's module, and the export's name after a `#`; undefined if the user named none. */
  readonly module: string | undefined;
  readonly functionName: string;
  readonly table: string | undefined;
  /** URLs of queues that the function does not name. */
  readonly retryQueues: readonly string[];
  readonly deadLetters: readonly string[];
  readonly payloadStore: PayloadPlace | undefined;
  readonly rights: ConsoleRights;
  readonly port: number | undefined;
  readonly opens: boolean;
  readonly aws: AwsOptions;
}

const options = {
  function: {
    type: "string",
    value: "NAME",
    help: "name or ARN of the pipeline's function; with its alias or version if the event source mapping has one: orders:live",
  },
  table: {
    type: "string",
    value: "NAME",
    help: "name or ARN of the table (default: the table of the function's stream)",
  },
  "dead-letters": {
    type: "string",
    multiple: true,
    value: "URL",
    help: "a queue of dead letters that no variable of the function names (may be repeated)",
  },
  "retry-queue": {
    type: "string",
    multiple: true,
    value: "URL",
    help: "a retry queue that no variable of the function names (may be repeated)",
  },
  ...payloadOptions,
  "read-only": { type: "boolean", help: "the page cannot redrive" },
  write: {
    type: "boolean",
    help: "the page can also edit and drop dead letters, repair copies, and run backfills",
  },
  port: { type: "string", value: "N", help: "port of the page on 127.0.0.1 (default: a free one)" },
  open: { type: "boolean", help: "open the page in the browser" },
  policy: { type: "boolean", help: "print the IAM policy that the command needs with these options, and end" },
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice console`. */
export const consoleHelp: string = helpOf({
  usage: ["sluice console [pipeline module] --function NAME [options]", "sluice console --policy [options]"],
  about: `Shows a deployment in the browser: its metrics of the last three hours, its queues, its dead letters, and what the
doctor says. The page can redrive dead letters, after a question; it changes nothing else without --write. With the
pipeline's module (orders.ts, or dist/orders.js#orders if it exports several), the page also shows where one item
stands, and verifies copies. The page is served to this machine only, and its address has a token of this start.`,
  options,
  notes: `Ctrl-C ends the console. A redrive that is working is stopped; messages that were not sent stay in the queue.

Exit code: 0 after Ctrl-C, 2 when the console could not start.`,
});

const highestPort = 65_535;

const portIn = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port > 0 && port <= highestPort) return port;
  throw new CommandError(`--port is "${text}"; expected a number from 1 to ${highestPort}`);
};

const rightsIn = (isReadOnly: boolean | undefined, writes: boolean | undefined): ConsoleRights => {
  if (isReadOnly && writes) throw new CommandError("--read-only and --write are both given; expected one of them");
  if (isReadOnly) return "read";
  return writes ? "write" : "redrive";
};

/** The policy that the user asks for. */
export interface PolicyRequest {
  readonly rights: ConsoleRights;
  readonly hasModule: boolean;
  readonly payloadStore: PayloadPlace | undefined;
}

/**
 * Reads the arguments. Returns what the user asks for instead of a console, if so.
 * @throws {CommandError} if an argument is wrong
 */
export const consoleOptions = (args: readonly string[]): ConsoleCommandOptions | "help" | PolicyRequest => {
  const { values, positionals } = parseArguments("sluice console", options, args);
  if (values.help) return "help";
  const rights = rightsIn(values["read-only"], values.write);
  const module = optionalModule(positionals);
  const payloadStore = payloadPlace(values);
  if (values.policy) return { rights, hasModule: module !== undefined, payloadStore };
  return {
    module,
    functionName: namedFunction(values.function),
    table: values.table,
    retryQueues: (values["retry-queue"] ?? []).map(queueUrlIn),
    deadLetters: (values["dead-letters"] ?? []).map(queueUrlIn),
    payloadStore,
    rights,
    port: portIn(values.port),
    opens: values.open ?? false,
    aws: awsOptionsIn(values),
  };
};
