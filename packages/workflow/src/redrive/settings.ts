// Limits of a run. They are options of the state machine. The input of an execution may override each limit.

import { checkWhole, invalidOption } from "@sluice/core/sink-kit";

/** `redrive` sends a dead letter to the sink that failed. `republish` updates the item in the source table instead. */
export type RedriveMode = "redrive" | "republish";

/** Limits of a run. */
export interface RunSettings {
  /** Maximum number of messages per second. Default: no limit. */
  readonly ratePerSecond?: number;
  /** If this many messages have failed and stay in the queue, the run ends, as more may fail, too. Default 1,000. */
  readonly maxFailures?: number;
  /** The run ends after this number of messages. Useful for a first trial with a few messages. Default: no limit. */
  readonly maxMessages?: number;
}

/** Maximum of `maxFailures`. The state machine stores a hash of each failed message, and its storage is limited. */
export const maxFailuresLimit = 10_000;

const ranges: { readonly [name in keyof RunSettings]-?: readonly [number, number] } = {
  ratePerSecond: [1, 10_000],
  maxFailures: [1, maxFailuresLimit],
  maxMessages: [1, Number.MAX_SAFE_INTEGER],
};

const settingNames = Object.keys(ranges) as readonly (keyof RunSettings)[];

/** Returns only the options that are settings. @throws {ConfigError} CONFIG_INVALID when a setting is out of range. */
export const settingsIn = (options: { readonly [name in keyof RunSettings]?: unknown }): RunSettings => {
  const given = settingNames.filter((name) => options[name] !== undefined);
  for (const name of given) checkWhole(name, options[name], ranges[name]);
  return Object.fromEntries(given.map((name) => [name, options[name]]));
};

/** Members of the input that are ignored. They come from Step Functions' console, or from a parent state machine. */
const ignored = /^(Comment|AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID)$/;

/**
 * Returns the settings. Values in the execution's input replace values in `settings`.
 * @throws {ConfigError} CONFIG_INVALID if the input is not an object, or has an unknown member. The member may be a
 * limit with a typing error. If it were ignored, the run would have no such limit.
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
