// Options of `sluice init`.

import { commonOptions, parseArguments } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { sinkNames } from "./sinks.ts";

const options = {
  sinks: { type: "string", value: "A,B", help: `targets: one or more of ${sinkNames.join(", ")}. Default postgres` },
  table: { type: "string", value: "NAME", help: "name of the DynamoDB table. Default: the name of the project" },
  key: {
    type: "string",
    value: "KEY",
    help: "attributes of the table's key: id, or pk,sk; orderNumber:N is a number. Default id",
  },
  name: {
    type: "string",
    value: "NAME",
    help: "name of the project and of its pipeline. Default: the name of the folder",
  },
  yes: { type: "boolean", short: "y", help: "ask nothing: the defaults are taken for options that are not given" },
  ...commonOptions,
} as const;

/** Help of `sluice init`. */
export const initHelp: string = helpOf({
  usage: ["sluice init [folder] [options]"],
  about: `Writes the files of a new project: a pipeline with a mapping for each target, its Lambda function, a stack of the
AWS CDK, and a test that passes at once. The folder, by default the current one, must be empty. On a terminal, the
command asks for what the options do not say. It never overwrites a file.`,
  options,
  notes: `Exit code: 0 when the files are written, 2 when the arguments are wrong or the folder has files.`,
});

/** The arguments of `sluice init`, as they were given. */
export interface InitOptions {
  readonly folder: string;
  readonly sinks: string | undefined;
  readonly table: string | undefined;
  readonly key: string | undefined;
  readonly name: string | undefined;
  /** Whether the defaults are taken for options that were not given. */
  readonly takesDefaults: boolean;
}

/** Reads the arguments. Returns undefined if the user asks for help. @throws {CommandError} if an argument is wrong */
export const initOptions = (args: readonly string[]): InitOptions | undefined => {
  const { values, positionals } = parseArguments("sluice init", options, args);
  if (values.help) return undefined;
  const [folder = ".", another] = positionals;
  if (another !== undefined) throw new CommandError(`unexpected argument "${another}"; expected one folder`);
  if (folder === "") throw new CommandError("the folder is empty; expected its path");
  const { sinks, table, key, name, yes } = values;
  return { folder, sinks, table, key, name, takesDefaults: yes ?? false };
};
