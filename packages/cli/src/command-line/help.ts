// Creates the help text of a command. The list of options comes from the command's option table.

import type { OptionSpec, OptionSpecs } from "./arguments.ts";

/** The content of a command's help text. */
export interface CommandHelp {
  readonly usage: readonly string[];
  /** Says what the command does. Contains its own line breaks. */
  readonly about: string;
  readonly options: OptionSpecs;
  /** Text after the options. */
  readonly notes?: string;
}

const indent = 2;
const gap = 2;
const width = 110;

const flagOf = ([name, { short, value }]: readonly [string, OptionSpec]): string =>
  `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;

/** Breaks a text into lines of at most `columns` characters. A longer word is a line of its own. */
export const wrapped = (text: string, columns: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
};

const optionLines = (options: OptionSpecs): string[] => {
  const rows = Object.entries(options).map((entry) => ({ flag: flagOf(entry), help: entry[1].help }));
  const column = indent + gap + Math.max(...rows.map(({ flag }) => flag.length));
  return rows.flatMap(({ flag, help }) => {
    const [first = "", ...rest] = wrapped(help, width - column);
    return [(" ".repeat(indent) + flag).padEnd(column) + first, ...rest.map((line) => " ".repeat(column) + line)];
  });
};

/** Returns the help text of a command. */
export const helpOf = ({ usage, about, options, notes }: CommandHelp): string => {
  const [first = "", ...others] = usage;
  const lines = [`Usage: ${first}`, ...others.map((line) => `       ${line}`), "", about, "", "Options:"];
  return [...lines, ...optionLines(options), ...(notes === undefined ? [] : ["", notes])].join("\n");
};
