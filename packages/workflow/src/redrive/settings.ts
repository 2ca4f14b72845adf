// Limits of a run: options of the state machine, which the input of an execution may override.

import { checkWhole, invalidOption } from "@sluice/core/sink-kit";

/** `redrive` sends dead letters to the sink that failed. `republish` updates the items in the source table. */
export type RedriveMode = "redrive" | "republish";

/** Limits of a run. */
export interface RunSettings {
  /** Maximum number of messages per second. Default: no limit. */
  readonly ratePerSecond?: number;
  /** Ends the run when this many messages stay in the queue, because a redrive cannot fix the cause. Default 1,000. */
  readonly maxFailures?: number;
  /** Ends the run after this many messages, for a trial. */
  readonly maxMessages?: number;
}

/** Highest `maxFailures`. A limit is needed, because the state contains an entry for each message that is left. */
export const maxFailuresLimit = 10_000;

const ranges: { readonly [name in keyof RunSettings]-?: readonly [number, number] } = {
  ratePerSecond: [1, 10_000],
  maxFailures: [1, maxFailuresLimit],
  maxMessages: [1, Number.MAX_SAFE_INTEGER],
};

/** Returns the settings among options. @throws {ConfigError} CONFIG_INVALID when one is out of range. */
export const settingsIn = (options: Readonly<Record<string, unknown>>): RunSettings => {
  const given = Object.entries(ranges).filter(([name]) => options[name] !== undefined);
  for (const [name, range] of given) checkWhole(name, options[name], range);
  return Object.fromEntries(given.map(([name]) => [name, options[name]]));
};

/** Members that the input may also have, because Step Functions' console and callers of an execution add them. */
const ignored = /^(Comment|AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID)$/;

/**
 * Returns the settings, overridden by the execution's input.
 * @throws {ConfigError} CONFIG_INVALID if the input is not an object, or has an unknown member. A mistyped limit must
 * not be ignored.
 */
export const settingsFor = (settings: RunSettings, input: unknown): RunSettings => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalidOption("input", "must be an object with settings, or {}");
  }
  const given = Object.entries(input).filter(([name]) => !ignored.test(name));
  const unknown = given.find(([name]) => !Object.hasOwn(ranges, name));
  const expected = Object.keys(ranges).join(", ");
  if (unknown !== undefined) throw invalidOption(unknown[0].slice(0, 40), `is unknown; expected ${expected}`);
  return settingsIn({ ...settings, ...Object.fromEntries(given) });
};
