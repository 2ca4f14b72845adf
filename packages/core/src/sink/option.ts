// Checks of options that factories have in common. Each refuses with a ConfigError that names the option.

import { ConfigError } from "../errors.ts";

/** `option "name" must be …`, as a ConfigError. */
export const invalidOption = (option: string, expectation: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}" ${expectation}`);

/** @throws {ConfigError} CONFIG_INVALID when the value is no text, or an empty one. */
export const checkText = (option: string, value: unknown): void => {
  if (typeof value !== "string" || value === "") throw invalidOption(option, "must be a non-empty string");
};

/** @throws {ConfigError} CONFIG_INVALID when the value is no whole number within the bounds, which are inclusive. */
export const checkWhole = (option: string, value: unknown, [least, most]: readonly [number, number]): void => {
  if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return;
  throw invalidOption(option, `must be a whole number from ${least} to ${most}`);
};

/** @throws {ConfigError} CONFIG_INVALID when there is a client and it lacks the method that is called. */
export const checkClient = (client: unknown, method: string, expectation: string): void => {
  if (client === undefined) return;
  if (typeof (client as Readonly<Record<string, unknown>> | null)?.[method] === "function") return;
  throw invalidOption("client", `must be ${expectation}, with the method ${method}`);
};
