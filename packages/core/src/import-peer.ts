// Packages that only some users need: imported when they are needed, never before.

import { ConfigError } from "./errors.ts";

/**
 * The module that `load` imports. The import itself must stand in the caller's code, so that bundlers see it.
 * @throws {ConfigError} CONFIG_MISSING_DEPENDENCY, which names the package and who needs it.
 * @example
 * const { SQS } = await importPeer("sqs", "@aws-sdk/client-sqs", () => import("@aws-sdk/client-sqs"));
 */
export const importPeer = async <Module>(
  user: string,
  packageName: string,
  load: () => Promise<Module>,
): Promise<Module> => {
  try {
    return await load();
  } catch (cause) {
    throw new ConfigError(
      "CONFIG_MISSING_DEPENDENCY",
      `${user} needs the package ${packageName}: npm install ${packageName}`,
      { cause },
    );
  }
};
