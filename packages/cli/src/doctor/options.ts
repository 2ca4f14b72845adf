// The options of `sluice doctor`.

import { type Area, areas, doctorCodes } from "@sluice/inspect";
import { type AwsOptions, awsOptions, awsOptionsIn } from "../aws/clients.ts";
import { commonOptions, type OptionSpecs, parseArguments } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import { helpOf } from "../command-line/help.ts";
import { namedFunction, optionalModule } from "../pipeline-command/arguments.ts";

/** Options of the doctor. */
export interface DoctorCommandOptions {
  /** Path of the pipeline's module, and the export's name after a `#`; undefined if the user named none. */
  readonly module: string | undefined;
  readonly functionName: string;
  readonly verifyFunction: string | undefined;
  readonly only: readonly Area[] | undefined;
  /** Codes. */
  readonly skip: readonly string[];
  /** Whether warnings end the command with 1. */
  readonly isStrict: boolean;
  readonly isJson: boolean;
  readonly aws: AwsOptions;
}

const options = {
  function: {
    type: "string",
    value: "NAME",
    help: "name or ARN of the pipeline's function; with its alias or version if the event source mapping has one: orders:live",
  },
  "verify-function": {
    type: "string",
    value: "NAME",
    help: "the function that ends the runs of a verify, the construct's report: the age of the last run is judged",
  },
  only: {
    type: "string",
    multiple: true,
    value: "AREA",
    help: `judge only this area (may be repeated): ${areas.join(", ")}`,
  },
  skip: { type: "string", multiple: true, value: "CODE", help: "do not report this code (may be repeated)" },
  strict: { type: "boolean", help: "end with 1 if there are warnings, too" },
  policy: { type: "boolean", help: "print the IAM policy that the command needs, and end" },
  json: { type: "boolean", help: "write the report as one JSON object to standard output" },
  ...awsOptions,
  ...commonOptions,
} as const satisfies OptionSpecs;

/** Help of `sluice doctor`. */
export const doctorHelp: string = helpOf({
  usage: ["sluice doctor [pipeline module] --function NAME [options]", "sluice doctor --policy"],
  about: `Reads a deployment and says what is wrong with it: each finding with its code, what was found, what was expected, and
the command that mends it. With the pipeline's module (orders.ts, or dist/orders.js#orders if it exports several), the
rights of its sinks and the schemas of its targets are judged, too. Changes nothing, and shows no value of an item or a
variable. What may not be asked is unknown, with the right that is missing.`,
  options,
  notes: `docs/doctor.md explains each code.

Exit code: 0 when there is no fault, 1 when there are faults (with --strict: or warnings), 2 when nothing was judged.`,
});

const areaIn = (text: string): Area => {
  const area = areas.find((name) => name === text);
  if (area !== undefined) return area;
  throw new CommandError(`--only is "${text}"; expected ${areas.join(", ")}`);
};

const codeIn = (text: string): string => {
  if (doctorCodes.includes(text)) return text;
  throw new CommandError(`--skip is "${text}"; expected a code of docs/doctor.md, such as METRICS_OFF`);
};

/**
 * Reads the arguments. Returns the name of the text that the user asks for instead, if so.
 * @throws {CommandError} if an argument is wrong
 */
export const doctorOptions = (args: readonly string[]): DoctorCommandOptions | "help" | "policy" => {
  const { values, positionals } = parseArguments("sluice doctor", options, args);
  if (values.help) return "help";
  if (values.policy) return "policy";
  const module = optionalModule(positionals);
  return {
    module,
    functionName: namedFunction(values.function),
    verifyFunction: values["verify-function"],
    only: values.only?.map(areaIn),
    skip: (values.skip ?? []).map(codeIn),
    isStrict: values.strict ?? false,
    isJson: values.json ?? false,
    aws: awsOptionsIn(values),
  };
};
