// Settings of a run. They are options of the state machine, and the input of an execution may override each one.

import { checkText, checkWhole, invalidOption, isRecord } from "@sluice/core/sink-kit";

/** Settings of a run. */
export interface CopySettings {
  /**
   * Read capacity units per second of all workers together. Each worker takes its share: this number divided by the number
   * of units that are worked on at once. Default: 20 % of a table's provisioned capacity; no limit for a table on demand.
   */
  readonly readUnitsPerSecond?: number;
  /** Number of segments of a scan. Default: by the size of the table. */
  readonly segments?: number;
  /** Names of the routes to fill. Default: all routes. */
  readonly routes?: readonly string[];
}

/** What the input of an execution may have besides the settings. */
export interface CopyInput extends CopySettings {
  /** Address of an export's `manifest-summary.json`. The run then reads the export, and not the table. */
  readonly manifest?: string;
  /** Id of an earlier run, which this run continues. Finished units are not worked on again. */
  readonly run?: string;
}

/** The names of all settings. */
export const copySettingNames = { readUnitsPerSecond: true, segments: true, routes: true } as const;

/** Most segments of a scan. Each one is a child execution. */
const maxSegments = 10_000;

type Unchecked = { readonly [name in keyof CopyInput]?: unknown };

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

const check = ({ readUnitsPerSecond, segments, routes }: Unchecked): void => {
  if (readUnitsPerSecond !== undefined) checkWhole("readUnitsPerSecond", readUnitsPerSecond, [1, 10_000_000]);
  if (segments !== undefined) checkWhole("segments", segments, [1, maxSegments]);
  if (routes !== undefined && !(Array.isArray(routes) && routes.length > 0 && routes.every(isText))) {
    throw invalidOption("routes", "must be a list with names of routes");
  }
};

/** Returns only the options that are settings. @throws {ConfigError} CONFIG_INVALID when a setting is wrong. */
export const settingsOf = (options: Unchecked): CopySettings => {
  check(options);
  const names = Object.keys(copySettingNames) as readonly (keyof CopySettings)[];
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
};

/**
 * A run's id is the name of its first execution. https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
 * (read 2026-11-29)
 */
const runId = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u;

/** Members of the input that are ignored. They come from Step Functions' console, or from a parent state machine. */
const ignored = /^(Comment|AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID)$/;

const inputNames = { ...copySettingNames, manifest: true, run: true } as const;

/**
 * Returns the settings of a run. Values in the execution's input replace values in `settings`.
 * @throws {ConfigError} CONFIG_INVALID if the input is not an object, has an unknown member, or a wrong one.
 */
export const inputFor = (settings: CopySettings, input: unknown): CopyInput => {
  if (!isRecord(input)) throw invalidOption("input", "must be an object with settings, or {}");
  const given = Object.entries(input).filter(([name]) => !ignored.test(name));
  const unknown = given.find(([name]) => !Object.hasOwn(inputNames, name));
  if (unknown !== undefined) {
    throw invalidOption(unknown[0].slice(0, 40), `is unknown; expected ${Object.keys(inputNames).join(", ")}`);
  }
  const { manifest, run, ...rest } = Object.fromEntries(given) as Unchecked;
  if (manifest !== undefined) checkText("manifest", manifest);
  if (run !== undefined && !(typeof run === "string" && runId.test(run))) {
    throw invalidOption("run", "must be the name of an earlier execution");
  }
  return {
    ...settings,
    ...settingsOf(rest),
    ...(manifest !== undefined && { manifest: manifest as string }),
    ...(run !== undefined && { run: run as string }),
  };
};
