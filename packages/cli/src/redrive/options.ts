// The options of `sluice redrive`.

import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { type PayloadPlace, payloadOptions, payloadPlace } from "../aws/payloads.ts";
import {
  commonOptions,
  type OptionSpecs,
  type OptionValues,
  oneOf,
  parseArguments,
  wholeNumber,
} from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { type DeadLetterFilter, deadLetterFilter, filterOptions } from "../filter/dead-letter-filter.ts";
import { type SourceAddress, sourceAddressIn } from "../message-source/source-address.ts";

/** The pipeline's handler: a function in Lambda, or a module that is loaded on this machine. */
export type Handler =
  | { readonly to: "lambda"; readonly functionName: string }
  | { readonly to: "local"; readonly handler: string };

/** Options of a redrive. */
export interface RedriveOptions {
  readonly address: SourceAddress;
  readonly from: "dead-letters" | "on-failure-destination";
  readonly handler: Handler;
  readonly filter: DeadLetterFilter;
  readonly payloadStore: PayloadPlace | undefined;
  readonly isDryRun: boolean;
  readonly ratePerSecond: number | undefined;
  readonly maxMessages: number;
  readonly aws: AwsOptions;
}

const options = {
  to: {
    type: "string",
    value: "lambda|local",
    help: "where the handler runs: in AWS, or on this machine (default: lambda with --function, local with --handler)",
  },
  function: { type: "string", value: "NAME", help: "with --to lambda: the function's name or ARN" },
  handler: {
    type: "string",
    value: "FILE",
    help: "with --to local: the module, and after a # the name of its export (default: handler), a handler or a pipeline: ./dist/handler.js#orders",
  },
  from: {
    type: "string",
    value: "KIND",
    help: "what the messages are: dead-letters (the default), or on-failure-destination: batches that Lambda sent there, to a queue or to s3://bucket/prefix",
  },
  ...filterOptions,
  "dry-run": {
    type: "boolean",
    help: "write nothing, and report the outcome that each message would have; some targets cannot be asked",
  },
  rate: { type: "string", value: "N", help: "maximum number of messages per second" },
  "max-messages": { type: "string", value: "N", help: "maximum number of messages to send" },
  ...payloadOptions,
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice redrive`. */
export const redriveHelp: string = helpOf({
  usage: [
    "sluice redrive <queue URL | file> --to lambda --function NAME [options]",
    "sluice redrive <queue URL | file> --to local --handler FILE [options]",
    "sluice redrive <queue URL | s3://bucket/prefix> --from on-failure-destination ...",
  ],
  about: `Sends each dead letter again to the sink that failed, and to no other. A change that is older than the target's
state is superseded. Delivered messages are deleted from the queue; all others are released unchanged. A file contains
one envelope as JSON on each line, as sluice dead-letters export writes it; FILE.done lists the lines that are done,
and the next run skips them.`,
  options,
  notes: `Changes of one item are sent in order: all messages are received first, and stay in flight until they are done.
Ctrl-C finishes the request in flight and releases the other messages. Messages that the filters do not select, and
messages without an envelope, are released unchanged.

Exit code: 0 when no message is left, 1 when messages are left, 2 when the arguments are wrong or the queue or the
function cannot be reached.`,
});

type Values = OptionValues<typeof options>;

const handlerIn = (values: Values): Handler => {
  const { function: functionName, handler } = values;
  const implied = functionName === undefined ? handler && "local" : handler === undefined && "lambda";
  const to = values.to === undefined ? implied : oneOf("to", values.to, ["lambda", "local"]);
  if (to === "lambda" && handler === undefined) {
    if (functionName !== undefined) return { to, functionName };
    throw new CommandError("--to lambda needs --function; expected the function's name or ARN");
  }
  if (to === "local" && functionName === undefined) {
    if (handler !== undefined) return { to, handler };
    throw new CommandError("--to local needs --handler; expected the path of the handler's module");
  }
  throw new CommandError("expected either --to lambda --function NAME or --to local --handler FILE");
};

/** Names of filter options that apply to dead letters only, and not to Lambda's failed batches. */
const deadLetterOptions = ["id", "sink", "code", "key"] as const;

const fromIn = (values: Values, address: SourceAddress): RedriveOptions["from"] => {
  const from = oneOf("from", values.from ?? "dead-letters", ["dead-letters", "on-failure-destination"]);
  if (from === "dead-letters") {
    if (address.kind !== "objects") return from;
    throw new CommandError(
      "s3:// contains batches that Lambda sent, and no dead letters; expected --from on-failure-destination",
    );
  }
  const given = deadLetterOptions.find((name) => values[name] !== undefined);
  if (given === undefined) return from;
  throw new CommandError(
    `--${given} applies to dead letters; with --from on-failure-destination expected only --since`,
  );
};

/** Reads the arguments. Returns undefined if the user asks for help. @throws {CommandError} if an argument is wrong */
export const redriveOptions = (args: readonly string[], now: number): RedriveOptions | undefined => {
  const { values, positionals } = parseArguments("sluice redrive", options, args);
  if (values.help) return undefined;
  const [text, another] = positionals;
  if (text === undefined) throw new CommandError("no source is given; expected a queue's URL or a file of envelopes");
  if (another !== undefined)
    throw new CommandError(`unexpected argument "${another}"; expected one queue's URL or one file`);
  const address = sourceAddressIn(text);
  return {
    address,
    from: fromIn(values, address),
    handler: handlerIn(values),
    filter: deadLetterFilter(values, now),
    payloadStore: payloadPlace(values),
    isDryRun: values["dry-run"] ?? false,
    ratePerSecond: wholeNumber("rate", values.rate),
    maxMessages: wholeNumber("max-messages", values["max-messages"]) ?? Number.POSITIVE_INFINITY,
    aws: awsOptionsIn(values),
  };
};
