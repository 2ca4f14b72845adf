// Options that may come from the function's environment instead.

import { ConfigError, type PipelineLogger } from "@sluice/core/sink-kit";

/**
 * The option, or else the variable of the environment.
 * @throws {ConfigError} CONFIG_INVALID when both are missing, naming them.
 */
export const required = (option: string, given: string | undefined, variable: string): string => {
  const value = given ?? process.env[variable];
  if (typeof value === "string" && value !== "") return value;
  throw new ConfigError("CONFIG_INVALID", `option "${option}" is missing, and so is ${variable} in the environment`);
};

/** The same, where it may be missing. */
export const optional = (given: string | undefined, variable: string): string | undefined =>
  given ?? (process.env[variable] || undefined);

/** @throws {ConfigError} CONFIG_INVALID when it is no URL. */
export const requiredUrl = (option: string, given: string | undefined, variable: string): string => {
  const url = required(option, given, variable);
  if (URL.canParse(url)) return url;
  throw new ConfigError("CONFIG_INVALID", `option "${option}" (or ${variable}) is no URL`);
};

const line = (level: string, message: string, fields: Record<string, unknown>): string =>
  JSON.stringify({ level, message, ...fields });

/** One line of JSON each, as Lambda's log reads it. */
export const consoleLogger: PipelineLogger = {
  info: (message, fields) => console.log(line("INFO", message, fields)),
  warn: (message, fields) => console.warn(line("WARN", message, fields)),
};
