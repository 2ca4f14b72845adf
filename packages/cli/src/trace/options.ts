// The options of `sluice trace`.

import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { type PayloadPlace, payloadOptions, payloadPlace } from "../aws/payloads.ts";
import { commonOptions, type OptionSpecs, parseArguments } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { moduleIn, spanMs } from "../pipeline-command/arguments.ts";

/** Options of a trace. */
export interface TraceCommandOptions {
  /** Path of the pipeline's module, and the export's name after a `#`. */
  readonly module: string;
  readonly table: string;
  /** Text of the key. */
  readonly key: string;
  /** URLs of queues. */
  readonly retryQueues: readonly string[];
  readonly deadLetters: readonly string[];
  readonly payloadStore: PayloadPlace | undefined;
  readonly functionName: string | undefined;
  readonly logGroup: string | undefined;
  readonly readsStream: boolean;
  readonly streamMs: number | undefined;
  readonly isJson: boolean;
  readonly aws: AwsOptions;
}

const options = {
  table: { type: "string", value: "NAME", help: "name or ARN of the table" },
  key: {
    type: "string",
    value: "JSON",
    help: `the item: all its key attributes as JSON, '{"id":"o-1"}'; binary values are base64 text`,
  },
  "retry-queue": { type: "string", multiple: true, value: "URL", help: "the pipeline's retry queue" },
  "dead-letters": {
    type: "string",
    multiple: true,
    value: "URL",
    help: "the pipeline's dead-letter queue (may be repeated)",
  },
  ...payloadOptions,
  function: {
    type: "string",
    value: "NAME",
    help: "name or ARN of the live function, whose log is searched: /aws/lambda/NAME",
  },
  "log-group": { type: "string", value: "NAME", help: "the log group of the function, if it has another name" },
  "stream-time": {
    type: "string",
    value: "TIME",
    help: "longest time for reading the stream, the latest shards first: 60s, 5m (default: 20s)",
  },
  "no-stream": { type: "boolean", help: "do not read the stream, for example because two others read it already" },
  json: { type: "boolean", help: "write all that was found as one JSON object to standard output" },
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice trace`. */
export const traceHelp: string = helpOf({
  usage: ["sluice trace <pipeline module> --table NAME --key JSON [options]"],
  about: `Says of one item what its table, its stream of the last 24 hours, each target, the retry queue, the dead letters
and the function's log know, and concludes for each target: up to date, behind, rejected, or differs without a known
reason. Shows the key that you typed, and no other value of the item. Writes nothing. The messages of the queues are
received and released; SQS counts a receive of each. A source that cannot be asked is unknown, with the reason.`,
  options,
  notes: `Exit code: 0 when every copy that can be compared is up to date, 1 when a target is behind, differs, or rejected the
item, 2 when the command failed, or a target could not be asked.`,
});

/** Reads the arguments. Returns undefined if the user asks for help. @throws {CommandError} if an argument is wrong */
export const traceOptions = (args: readonly string[]): TraceCommandOptions | undefined => {
  const { values, positionals } = parseArguments("sluice trace", options, args);
  if (values.help) return undefined;
  const module = moduleIn(positionals);
  const { table, key, "stream-time": streamTime, "no-stream": noStream = false } = values;
  if (table === undefined) throw new CommandError("--table is missing; expected the name of the table");
  if (key === undefined)
    throw new CommandError(`--key is missing; expected all key attributes of one item as JSON: '{"id":"o-1"}'`);
  if (noStream && streamTime !== undefined) {
    throw new CommandError("--stream-time limits the read of the stream; expected no --no-stream");
  }
  return {
    module,
    table,
    key,
    retryQueues: values["retry-queue"] ?? [],
    deadLetters: values["dead-letters"] ?? [],
    payloadStore: payloadPlace(values),
    functionName: values.function,
    logGroup: values["log-group"],
    readsStream: !noStream,
    streamMs: streamTime === undefined ? undefined : spanMs("stream-time", streamTime),
    isJson: values.json ?? false,
    aws: awsOptionsIn(values),
  };
};
