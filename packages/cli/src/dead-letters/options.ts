// The options of `sluice dead-letters`.

import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { type PayloadPlace, payloadOptions, payloadPlace } from "../aws/payloads.ts";
import { commonOptions, type OptionSpecs, type OptionValues, parseArguments } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { type DeadLetterFilter, deadLetterFilter, filterOptions, isSelective } from "../filter/dead-letter-filter.ts";
import { queueUrlIn } from "../message-source/source-address.ts";

const actions = ["list", "show", "export", "delete"] as const;

/** Options of `sluice dead-letters`. */
export interface DeadLettersOptions {
  readonly action: (typeof actions)[number];
  readonly queueUrl: string;
  /** Only for the action `show`: the id of a dead letter, or the beginning of the id. */
  readonly id: string | undefined;
  readonly filter: DeadLetterFilter;
  readonly isGrouped: boolean;
  readonly hasKeys: boolean;
  readonly hasValues: boolean;
  readonly out: string | undefined;
  readonly isConfirmed: boolean;
  /** Only for the action `delete`: deletes the messages that contain no readable envelope, and no others. */
  readonly isUnsupported: boolean;
  readonly payloadStore: PayloadPlace | undefined;
  readonly aws: AwsOptions;
}

const options = {
  ...filterOptions,
  group: { type: "boolean", help: "with list: a line for each sink, code and reason, with the number of dead letters" },
  keys: { type: "boolean", help: "with list: show the items' keys, too" },
  values: { type: "boolean", help: "with show: the whole record, with the item's values" },
  out: {
    type: "string",
    value: "FILE",
    help: "with export and delete: a new file (default: standard output for export, a file that the command names for delete)",
  },
  yes: { type: "boolean", short: "y", help: "with delete: do not ask for confirmation" },
  unsupported: {
    type: "boolean",
    help: "with delete: only the messages that list reports as unsupported because they have no readable envelope",
  },
  ...payloadOptions,
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice dead-letters`. */
export const deadLettersHelp: string = helpOf({
  usage: [
    "sluice dead-letters list <queue URL> [--group] [--keys] [filters]",
    "sluice dead-letters show <queue URL> <id> [--values]",
    "sluice dead-letters export <queue URL> [--out FILE] [filters]",
    "sluice dead-letters delete <queue URL> [--yes] [--out FILE] [filters]",
  ],
  about: `Inspects the dead letters in a queue. Only show --values and export show item values. list and show change
nothing. export writes one envelope as JSON on each line, with its record, also where that is stored in S3; sluice
redrive reads such a file. delete asks for confirmation, writes the dead letters to a file, and then deletes them.`,
  options,
  notes: `To inspect messages, the command receives and then releases them. SQS counts a receive of each message.

Exit code: 0 when all is done, 1 when messages could not be received or deleted, 2 when the arguments are wrong or the
queue cannot be reached.`,
});

type Values = OptionValues<typeof options>;

/** For each option, the actions that support it. An option that is missing here is supported by all actions. */
const actionsOf = {
  group: ["list"],
  keys: ["list"],
  values: ["show"],
  out: ["export", "delete"],
  yes: ["delete"],
  unsupported: ["delete"],
} as const satisfies { readonly [Name in keyof Values]?: readonly string[] };

const checkActions = (action: string, values: Values): void => {
  for (const [name, allowed] of Object.entries<readonly string[]>(actionsOf)) {
    if (values[name as keyof Values] === undefined || allowed.includes(action)) continue;
    throw new CommandError(`--${name} is an option of ${allowed.join(" and ")}, not of ${action}`);
  }
};

const actionIn = (text: string | undefined): DeadLettersOptions["action"] => {
  const action = actions.find((known) => known === text);
  if (action !== undefined) return action;
  const found = text === undefined ? "no action is given" : `unknown action "${text}"`;
  throw new CommandError(`${found}; expected ${actions.join(", ")}`);
};

/** Returns the queue's URL and, for the action `show`, the id. The user may also give the id before the URL. */
const subjects = (action: string, given: readonly string[]): { queueUrl: string; id: string | undefined } => {
  const isQueue = (text: string): boolean => /^https?:/.test(text);
  const id = action === "show" ? given.find((text) => !isQueue(text)) : undefined;
  const [queue, another] = given.filter((text) => text !== id);
  if (queue === undefined) throw new CommandError("no queue is given; expected its URL (https://sqs.…)");
  if (another !== undefined) throw new CommandError(`unexpected argument "${another}"; expected one queue's URL`);
  if (action === "show" && !id) throw new CommandError("show needs the id of a dead letter, as list shows it");
  return { queueUrl: queueUrlIn(queue), id };
};

/** Reads the arguments. Returns undefined if the user asks for help. @throws {CommandError} if an argument is wrong */
export const deadLettersOptions = (args: readonly string[], now: number): DeadLettersOptions | undefined => {
  const { values, positionals } = parseArguments("sluice dead-letters", options, args);
  if (values.help) return undefined;
  const [first, ...rest] = positionals;
  const action = actionIn(first);
  checkActions(action, values);
  const { group, keys, values: hasValues, yes, out, unsupported } = values;
  const filter = deadLetterFilter(values, now);
  if (unsupported && isSelective(filter)) {
    throw new CommandError("--unsupported selects messages without an envelope; expected no other filter");
  }
  return {
    action,
    ...subjects(action, rest),
    filter,
    isGrouped: group ?? false,
    hasKeys: keys ?? false,
    hasValues: hasValues ?? false,
    out,
    isConfirmed: yes ?? false,
    isUnsupported: unsupported ?? false,
    payloadStore: payloadPlace(values),
    aws: awsOptionsIn(values),
  };
};
