// Reads options that the user can set in code or by an environment variable of the function.

import { checkOptionNames, invalidOption, type PipelineLogger } from "@sluice/core/sink-kit";

/** How errors about a missing dependency call this package. */
export const user = "the redrive workflow";

type Clients = { readonly [name in "sqs" | "lambda" | "dynamodb" | "sns" | "sfn"]?: unknown };

const clientNames = { sqs: true, lambda: true, dynamodb: true, sns: true, sfn: true } as const;

/** @throws {ConfigError} CONFIG_INVALID for a client that no handler has. Several handlers may share one object. */
export const checkClients = (factory: string, clients: Clients = {}): void =>
  checkOptionNames(`${factory}: clients`, clients, clientNames);

/** Returns `given`, or else the environment variable. @throws {ConfigError} CONFIG_INVALID when both are missing. */
export const required = (option: string, given: string | undefined, variable: string): string => {
  const value = given ?? process.env[variable];
  if (typeof value === "string" && value !== "") return value;
  throw invalidOption(option, `is missing, and so is ${variable} in the environment`);
};

/** Returns `given`, or else the environment variable, or undefined if both are missing. */
export const optional = (given: string | undefined, variable: string): string | undefined =>
  given ?? (process.env[variable] || undefined);

/** Like `required`, for a URL. @throws {ConfigError} CONFIG_INVALID when the text is missing or is not a URL. */
export const requiredUrl = (option: string, given: string | undefined, variable: string): string => {
  const url = required(option, given, variable);
  if (URL.canParse(url)) return url;
  throw invalidOption(option, `(or ${variable}) must be a URL`);
};

const line = (level: string, message: string, fields: Record<string, unknown>): string =>
  JSON.stringify({ level, message, ...fields });

/** The default logger. It writes each entry as one line of JSON, a format that Lambda's logs support. */
export const consoleLogger: PipelineLogger = {
  info: (message, fields) => console.log(line("INFO", message, fields)),
  warn: (message, fields) => console.warn(line("WARN", message, fields)),
};
