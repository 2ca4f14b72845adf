// The options of `sluice redrive`.

import { type OptionSpecs, type OptionValues, oneOf, parseArguments, wholeNumber } from "../command-line/arguments.ts";
import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { CommandError } from "../command-line/command-error.ts";
import { commonOptions } from "../command-line/common-options.ts";
import { helpOf } from "../command-line/help.ts";
import { filterOptions, type LetterFilter, letterFilter } from "../filter/dead-letter-filter.ts";
import { type LetterPlace, placeAt } from "../message-source/source-address.ts";

/** Who is to deliver. */
export type Handler =
  | { readonly to: "lambda"; readonly functionName: string }
  | { readonly to: "local"; readonly handler: string };

/** What `sluice redrive` was asked for. */
export interface RedriveOptions {
  readonly place: LetterPlace;
  readonly from: "dead-letters" | "on-failure";
  readonly handler: Handler;
  readonly filter: LetterFilter;
  readonly isDryRun: boolean;
  readonly perSecond: number | undefined;
  /** Messages that are sent at most. */
  readonly most: number;
  readonly aws: AwsOptions;
}

const options = {
  to: {
    type: "string",
    value: "lambda|local",
    help: "who delivers: the function in AWS, or its handler on this machine (default: whichever --function or --handler says)",
  },
  function: { type: "string", value: "NAME", help: "of --to lambda: the function's name or ARN" },
  handler: {
    type: "string",
    value: "FILE",
    help: "of --to local: the module, and behind a # the name of its export (default: handler): ./dist/handler.js#orders",
  },
  from: {
    type: "string",
    value: "KIND",
    help: "what the messages are: dead-letters (the default), or on-failure: what Lambda sent to its own on-failure destination, in a queue or under s3://bucket/prefix",
  },
  ...filterOptions,
  "dry-run": { type: "boolean", help: "write nothing, and tell what would become of each message" },
  rate: { type: "string", value: "N", help: "messages per second at most" },
  max: { type: "string", value: "N", help: "messages at most" },
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

export const redriveHelp: string = helpOf({
  usage: [
    "sluice redrive <queue URL | file> --to lambda --function NAME [options]",
    "sluice redrive <queue URL | file> --to local --handler FILE [options]",
    "sluice redrive <queue URL | s3://bucket/prefix> --from on-failure ...",
  ],
  about: `Sends dead letters again, each to the sink that failed and to no other, through the same guard: one that is late is
superseded, and does no harm. What is delivered is removed from the queue; all else is put back as it was. Of a file
(one envelope as JSON on each line, as sluice dead-letters export writes it) the lines that are done are noted in
FILE.done, where the next run goes on.`,
  options,
  notes: `An item's changes are sent in their order: all messages are received first, and held meanwhile. Ctrl-C finishes
the request in flight and puts the rest back. Messages that no filter takes, and those that hold no envelope, are put
back untouched.

Exit code: 0 when nothing is left behind, 1 when something is, 2 when the arguments are wrong or the queue or the
function cannot be reached.`,
});

type Values = OptionValues<typeof options>;

const handlerIn = (values: Values): Handler => {
  const { function: functionName, handler } = values;
  const told = functionName === undefined ? handler && "local" : handler === undefined && "lambda";
  const to = values.to === undefined ? told : oneOf("to", values.to, ["lambda", "local"]);
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

/** Filters that only a dead letter can answer. */
const letterOptions = ["sink", "code", "key"] as const;

const fromIn = (values: Values, place: LetterPlace): RedriveOptions["from"] => {
  const from = oneOf("from", values.from ?? "dead-letters", ["dead-letters", "on-failure"]);
  if (from === "dead-letters") {
    if (place.kind !== "objects") return from;
    throw new CommandError(
      "under s3:// there is what Lambda gave up on, and no dead letter; expected --from on-failure",
    );
  }
  const given = letterOptions.find((name) => values[name] !== undefined);
  if (given === undefined) return from;
  throw new CommandError(`--${given} is about dead letters; with --from on-failure expected only --since`);
};

/**
 * What the arguments ask for; undefined: help.
 * @throws {CommandError} which names what is wrong
 */
export const redriveOptions = (args: readonly string[], now: number): RedriveOptions | undefined => {
  const { values, positionals } = parseArguments("sluice redrive", options, args);
  if (values.help) return undefined;
  const [text, another] = positionals;
  if (text === undefined)
    throw new CommandError("there is nothing to redrive; expected a queue's URL or a file of envelopes");
  if (another !== undefined) throw new CommandError(`"${another}" is one too many; expected one queue's URL or file`);
  const place = placeAt(text);
  return {
    place,
    from: fromIn(values, place),
    handler: handlerIn(values),
    filter: letterFilter(values, now),
    isDryRun: values["dry-run"] ?? false,
    perSecond: wholeNumber("rate", values.rate),
    most: wholeNumber("max", values.max) ?? Number.POSITIVE_INFINITY,
    aws: awsOptionsIn(values),
  };
};
