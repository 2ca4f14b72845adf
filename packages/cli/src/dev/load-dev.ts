// Loads `@sluice/dev`, which is heavy, and so no dependency of every user of the command.

import { ConfigError, missingDependency } from "@sluice/core/sink-kit";
import { CommandError } from "../command-line/command-error.ts";

/** What the package exports. */
export type DevPackage = typeof import("@sluice/dev");

/** Loads the package. @throws {CommandError} with the command that installs it, when it is missing */
export const loadDev = async (): Promise<DevPackage> => {
  try {
    return await import("@sluice/dev").catch(missingDependency("sluice dev", "@sluice/dev"));
  } catch (cause) {
    if (!(cause instanceof ConfigError) || cause.code !== "CONFIG_MISSING_DEPENDENCY") throw cause;
    const expected = "expected it beside the command: npm install --save-dev @sluice/dev";
    throw new CommandError(`@sluice/dev is not installed; ${expected}`, { cause });
  }
};
