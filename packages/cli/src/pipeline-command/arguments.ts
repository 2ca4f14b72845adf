// Arguments that the commands for pipelines have in common.

import { CommandError } from "../command-line/command-error.ts";

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Reads a span such as `90s`, in milliseconds. @throws {CommandError} for any other text */
export const spanMs = (option: string, text: string): number => {
  const [, amount, unit = ""] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (amount !== undefined) return Number(amount) * (unitMs[unit] ?? 0);
  throw new CommandError(`--${option} is "${text}"; expected a span such as 90s or 5m`);
};

/** Reads names of routes. @throws {CommandError} if a name is empty */
export const routesIn = (text: string | undefined): readonly string[] | undefined => {
  const routes = text?.split(",").map((name) => name.trim());
  if (routes?.includes("") !== true) return routes;
  throw new CommandError(`--routes is "${text}"; expected names of routes with commas between them`);
};

/** Returns the only positional argument: the pipeline's module. @throws {CommandError} if there is none, or another one */
export const moduleIn = ([module, another]: readonly string[]): string => {
  if (module === undefined) throw new CommandError("no pipeline is given; expected its module, such as orders.ts");
  if (another !== undefined) throw new CommandError(`unexpected argument "${another}"; expected one module`);
  return module;
};

/** Returns the pipeline's module, if the user named one. @throws {CommandError} if there is another argument */
export const optionalModule = ([module, another]: readonly string[]): string | undefined => {
  if (another === undefined) return module;
  throw new CommandError(`unexpected argument "${another}"; expected one module`);
};

/** Returns the function of `--function`. @throws {CommandError} if the user named none */
export const namedFunction = (functionName: string | undefined): string => {
  if (functionName !== undefined) return functionName;
  throw new CommandError("--function is missing; expected the name or ARN of the pipeline's function");
};

/** @throws {CommandError} if the records are to go to a function that is not named */
export const checkFunction = (to: string | undefined, functionName: string | undefined): void => {
  if (to !== "lambda" || functionName !== undefined) return;
  throw new CommandError("--to lambda needs --function; expected the function's name or ARN");
};
