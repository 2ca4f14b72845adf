// Parses a command's arguments. Each command has a table of its options. The help text comes from the same table.

import { parseArgs } from "node:util";
import { CommandError } from "./command-error.ts";

/** One option of a command. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** Whether the user may give the option several times. */
  readonly multiple?: boolean;
  /** How the help calls the option's value, such as `N` in `--rate N`. */
  readonly value?: string;
  readonly help: string;
}

/** Options of a command, by name. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The options that every command has. */
export const commonOptions = {
  verbose: { type: "boolean", help: "show errors with their stacks; DEBUG in the environment does the same" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const;

type ValueOf<Spec> = Spec extends { readonly type: "boolean" }
  ? boolean
  : Spec extends { readonly multiple: true }
    ? string[]
    : string;

/** Values of a command's options. Options that were not given are undefined. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: ValueOf<Specs[Name]> | undefined;
};

const unknownOption = /Unknown option '([^']+)'/;
const valueless = /Option '(?:-\w, )?(--[\w-]+).*?' argument (?:is ambiguous|missing)/;

/** Refuses empty values, which may come from unset shell variables. An empty filter might match all messages. */
const checkFilled = (specs: OptionSpecs, values: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(values)) {
    const isEmpty = Array.isArray(value) ? value.includes("") : value === "";
    if (isEmpty) throw new CommandError(`--${name} is empty; expected ${specs[name]?.value}`);
  }
};

/** Parses a command's arguments. @throws {CommandError} for an unknown option, a missing value or an empty value */
export const parseArguments = <const Specs extends OptionSpecs>(
  command: string,
  specs: Specs,
  args: readonly string[],
): { readonly values: OptionValues<Specs>; readonly positionals: readonly string[] } => {
  try {
    const parsed = parseArgs({ args: [...args], options: specs, allowPositionals: true });
    checkFilled(specs, parsed.values);
    return parsed as unknown as ReturnType<typeof parseArguments<Specs>>;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { message } = error as Error;
    const [, unknown] = unknownOption.exec(message) ?? [];
    const [, option] = valueless.exec(message) ?? [];
    if (option !== undefined) throw new CommandError(`${option} needs a value`, { cause: error });
    // Only the first line is used. The other lines of Node's message contain advice that does not apply here.
    if (unknown === undefined) throw new CommandError(message.replace(/\.?(\n[\s\S]*)?$/, ""), { cause: error });
    const known = Object.keys(specs).map((name) => `--${name}`);
    throw new CommandError(`unknown option ${unknown}; expected one of ${command}: ${known.join(", ")}`, {
      cause: error,
    });
  }
};

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html (read 2026-11-28) */
export const mostSegments = 1_000_000;

/** More requests at once than that are slower in one process. */
export const mostConcurrent = 1_000;

/** Reads a whole number. @throws {CommandError} if the text is not a whole number above 0, and up to `most` */
export const wholeNumber = (option: string, text: string | undefined, most?: number): number | undefined => {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0 && number <= (most ?? number)) return number;
  const limit = most === undefined ? "" : `, and up to ${most}`;
  throw new CommandError(`--${option} is "${text}"; expected a whole number above 0${limit}`);
};

/** Returns the text if it is one of the choices. @throws {CommandError} for any other text */
export const oneOf = <const Choice extends string>(
  option: string,
  text: string,
  choices: readonly Choice[],
): Choice => {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new CommandError(`--${option} is "${text}"; expected ${choices.join(" or ")}`);
};
