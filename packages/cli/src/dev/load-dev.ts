// Loads `@sluice/dev`, which is heavy, and so no dependency of every user of the command.

import { CommandError } from "../command-line/command-error.ts";

type DevPackage = typeof import("@sluice/dev");

/** Loads the package. @throws {CommandError} with the command that installs it, when it is missing */
export const loadDev = async (): Promise<DevPackage> => {
  try {
    return await import("@sluice/dev");
  } catch (cause) {
    const isMissing = cause instanceof Error && cause.message.includes("'@sluice/dev'");
    if (!isMissing) throw cause;
    throw new CommandError(
      "@sluice/dev is not installed; expected it beside the command: npm install --save-dev @sluice/dev",
      {
        cause,
      },
    );
  }
};
