// The options of `sluice dead-letters`.

import { type OptionSpecs, type OptionValues, parseArguments } from "../command-line/arguments.ts";
import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { CommandError } from "../command-line/command-error.ts";
import { commonOptions } from "../command-line/common-options.ts";
import { helpOf } from "../command-line/help.ts";
import { filterOptions, type LetterFilter, letterFilter } from "../filter/dead-letter-filter.ts";
import { queueAt } from "../message-source/source-address.ts";

const actions = ["list", "show", "export", "drop"] as const;

/** What `sluice dead-letters` was asked for. */
export interface DeadLetterOptions {
  readonly action: (typeof actions)[number];
  readonly queueUrl: string;
  /** Of `show`: the letter's id, or how it begins. */
  readonly id: string | undefined;
  readonly filter: LetterFilter;
  readonly isGrouped: boolean;
  readonly hasKeys: boolean;
  readonly hasValues: boolean;
  readonly out: string | undefined;
  readonly isConfirmed: boolean;
  readonly aws: AwsOptions;
}

const options = {
  ...filterOptions,
  group: { type: "boolean", help: "of list: a line for each sink and code, with how many there are" },
  keys: { type: "boolean", help: "of list: the items' keys too" },
  values: { type: "boolean", help: "of show: the whole record, with the item's values" },
  out: {
    type: "string",
    value: "FILE",
    help: "of export and drop: where to (default: standard output; of drop a file that it names)",
  },
  yes: { type: "boolean", short: "y", help: "of drop: do not ask" },
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

export const deadLettersHelp: string = helpOf({
  usage: [
    "sluice dead-letters list <queue URL> [--group] [--keys] [filters]",
    "sluice dead-letters show <queue URL> <id> [--values]",
    "sluice dead-letters export <queue URL> [--out FILE] [filters]",
    "sluice dead-letters drop <queue URL> [--yes] [--out FILE] [filters]",
  ],
  about: `Looks at the dead letters in a queue. Item values are shown by show --values and export, and by nothing else.
list and show change nothing. export writes one envelope as JSON on each line, the record in it wherever it was kept:
sluice redrive takes such a file. drop asks, writes the letters to a file first, and then deletes them.`,
  options,
  notes: `To look at messages is to receive them: they are held for that long and put back, and SQS counts a receive.

Exit code: 0 when all is done, 1 when something could not be looked at or was not dropped, 2 when the arguments are
wrong or the queue cannot be reached.`,
});

type Values = OptionValues<typeof options>;

/** Options that belong to some actions only. */
const places = {
  group: ["list"],
  keys: ["list"],
  values: ["show"],
  out: ["export", "drop"],
  yes: ["drop"],
} as const satisfies { readonly [Name in keyof Values]?: readonly string[] };

const checkPlaces = (action: string, values: Values): void => {
  for (const [name, allowed] of Object.entries<readonly string[]>(places)) {
    if (values[name as keyof Values] === undefined || allowed.includes(action)) continue;
    throw new CommandError(`--${name} is an option of ${allowed.join(" and ")}, and means nothing to ${action}`);
  }
};

const actionIn = (text: string | undefined): DeadLetterOptions["action"] => {
  const action = actions.find((known) => known === text);
  if (action !== undefined) return action;
  throw new CommandError(
    `${text === undefined ? "there is no action" : `"${text}" is no action`}; expected ${actions.join(", ")}`,
  );
};

/** The queue, and of `show` the id, in either order. */
const subjects = (action: string, given: readonly string[]): { queueUrl: string; id: string | undefined } => {
  const isQueue = (text: string): boolean => /^https?:/.test(text);
  const id = action === "show" ? given.find((text) => !isQueue(text)) : undefined;
  const [queue, another] = given.filter((text) => text !== id);
  if (queue === undefined) throw new CommandError("there is no queue; expected its URL (https://sqs.…)");
  if (another !== undefined) throw new CommandError(`"${another}" is one too many; expected one queue's URL`);
  if (action === "show" && !id) throw new CommandError("show needs the id of a dead letter, as list has it");
  return { queueUrl: queueAt(queue), id };
};

/**
 * What the arguments ask for; undefined: help.
 * @throws {CommandError} which names what is wrong
 */
export const deadLetterOptions = (args: readonly string[], now: number): DeadLetterOptions | undefined => {
  const { values, positionals } = parseArguments("sluice dead-letters", options, args);
  if (values.help) return undefined;
  const [first, ...rest] = positionals;
  const action = actionIn(first);
  checkPlaces(action, values);
  const { group, keys, values: hasValues, yes, out } = values;
  return {
    action,
    ...subjects(action, rest),
    filter: letterFilter(values, now),
    isGrouped: group ?? false,
    hasKeys: keys ?? false,
    hasValues: hasValues ?? false,
    out,
    isConfirmed: yes ?? false,
    aws: awsOptionsIn(values),
  };
};
