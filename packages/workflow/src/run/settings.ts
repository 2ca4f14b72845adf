// What may be set for one run: in the state machine's options, and again in the input of an execution.

import { checkWhole, invalidOption } from "@sluice/core/sink-kit";

/** Limits of a run. */
export interface Settings {
  /** Messages a second, in the mean of a second; by default as fast as they go. */
  readonly ratePerSecond?: number;
  /** Ends the run when so many messages stay in the queue: something is wrong that a redrive does not mend. Default 1,000. */
  readonly maxFailures?: number;
  /** Ends the run after so many messages: to try a few first. */
  readonly maxMessages?: number;
}

/** Most messages that a run may leave behind: the state machine carries which they are. */
export const mostFailures = 10_000;

/** @throws {ConfigError} CONFIG_INVALID when one is no number in its range. */
export const checkSettings = ({ ratePerSecond, maxFailures, maxMessages }: Settings): void => {
  if (ratePerSecond !== undefined) checkWhole("ratePerSecond", ratePerSecond, [1, 10_000]);
  if (maxFailures !== undefined) checkWhole("maxFailures", maxFailures, [1, mostFailures]);
  if (maxMessages !== undefined) checkWhole("maxMessages", maxMessages, [1, Number.MAX_SAFE_INTEGER]);
};

const names = ["ratePerSecond", "maxFailures", "maxMessages"] as const satisfies (keyof Settings)[];

/** Put there by Step Functions' console and by callers who follow an execution. */
const ignored = /^(Comment|AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID)$/;

/**
 * The settings with what the execution's input says instead.
 * @throws {ConfigError} CONFIG_INVALID for an input that is no object, or has a member that is no setting: a misspelt
 * limit must not mean none.
 */
export const settingsFor = (settings: Settings, input: unknown): Settings => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalidOption("input", "must be an object with settings, or {}");
  }
  const given = Object.entries(input).filter(([name]) => !ignored.test(name));
  const unknown = given.find(([name]) => !names.some((known) => known === name));
  if (unknown !== undefined) throw invalidOption(unknown[0].slice(0, 40), `is unknown; expected ${names.join(", ")}`);
  const merged: Settings = { ...settings, ...Object.fromEntries(given) };
  checkSettings(merged);
  return merged;
};
