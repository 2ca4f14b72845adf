// Options that may come from the function's environment.

import { invalidOption, type PipelineLogger } from "@sluice/core/sink-kit";

/** Name of this package in errors about a missing dependency. */
export const user = "the redrive workflow";

/** Returns the option, or the variable of the environment. @throws {ConfigError} CONFIG_INVALID when both are missing. */
export const required = (option: string, given: string | undefined, variable: string): string => {
  const value = given ?? process.env[variable];
  if (typeof value === "string" && value !== "") return value;
  throw invalidOption(option, `is missing, and so is ${variable} in the environment`);
};

/** Returns the option, or the variable of the environment, or undefined if both are missing. */
export const optional = (given: string | undefined, variable: string): string | undefined =>
  given ?? (process.env[variable] || undefined);

/** Returns a required URL. @throws {ConfigError} CONFIG_INVALID when it is missing or not a URL. */
export const requiredUrl = (option: string, given: string | undefined, variable: string): string => {
  const url = required(option, given, variable);
  if (URL.canParse(url)) return url;
  throw invalidOption(option, `(or ${variable}) must be a URL`);
};

const line = (level: string, message: string, fields: Record<string, unknown>): string =>
  JSON.stringify({ level, message, ...fields });

/** Logs lines of JSON, as Lambda expects them. */
export const consoleLogger: PipelineLogger = {
  info: (message, fields) => console.log(line("INFO", message, fields)),
  warn: (message, fields) => console.warn(line("WARN", message, fields)),
};
