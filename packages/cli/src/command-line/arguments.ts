// Arguments of a command, by a table of its options: the same table makes its help.

import { parseArgs } from "node:util";
import { CommandError } from "./command-error.ts";

/** One option of a command. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  /** What stands for its value in help: `N`. */
  readonly value?: string;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<Spec> = Spec extends { readonly type: "boolean" }
  ? boolean
  : Spec extends { readonly multiple: true }
    ? string[]
    : string;

/** The values of a command's options; those that were not given are undefined. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: ValueOf<Specs[Name]> | undefined;
};

interface Parsed<Specs extends OptionSpecs> {
  readonly values: OptionValues<Specs>;
  readonly positionals: readonly string[];
}

const unknownOption = /Unknown option '([^']+)'/;
const valueless = /Option '(?:-\w, )?(--[\w-]+).*?' argument (?:is ambiguous|missing)/;

const optionsText = (specs: OptionSpecs): string =>
  Object.keys(specs)
    .map((name) => `--${name}`)
    .join(", ");

/** A variable of the shell that is not set makes an empty text, which would match nothing, or anything. */
const checkFilled = (specs: OptionSpecs, values: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(values)) {
    const isEmpty = Array.isArray(value) ? value.includes("") : value === "";
    if (isEmpty) throw new CommandError(`--${name} is empty; expected ${specs[name]?.value}`);
  }
};

/** Node's messages go on with advice in further sentences and lines. */
const firstSentence = (message: string): string => message.split("\n")[0]?.replace(/\.$/, "") ?? message;

/**
 * The values and positionals of a command's arguments.
 * @throws {CommandError} which names the option that is unknown, or lacks its value or has an empty one
 */
export const parseArguments = <const Specs extends OptionSpecs>(
  command: string,
  specs: Specs,
  args: readonly string[],
): Parsed<Specs> => {
  try {
    const parsed = parseArgs({ args: [...args], options: specs, allowPositionals: true });
    checkFilled(specs, parsed.values);
    return parsed as unknown as Parsed<Specs>;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { message } = error as Error;
    const [, unknown] = unknownOption.exec(message) ?? [];
    const [, option] = valueless.exec(message) ?? [];
    if (option !== undefined) throw new CommandError(`${option} lacks its value`, { cause: error });
    if (unknown === undefined) throw new CommandError(firstSentence(message), { cause: error });
    throw new CommandError(`unknown option ${unknown}; ${command} knows ${optionsText(specs)}`, { cause: error });
  }
};

/** @throws {CommandError} unless the text is a whole number above 0 */
export const wholeNumber = (option: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number;
  throw new CommandError(`--${option} is "${text}"; expected a whole number above 0`);
};

/** @throws {CommandError} unless the text is one of the choices */
export const oneOf = <const Choice extends string>(
  option: string,
  text: string,
  choices: readonly Choice[],
): Choice => {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new CommandError(`--${option} is "${text}"; expected ${choices.join(" or ")}`);
};
