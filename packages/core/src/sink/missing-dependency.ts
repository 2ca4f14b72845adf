// Packages that only some users need: imported when they are needed, never before.

import { ConfigError } from "../errors.ts";

/**
 * What such an import is caught with. Both must stand in the caller's code: a bundler sees the import, and esbuild goes on
 * without a package that is not installed only where the import itself has a `catch`.
 * @throws {ConfigError} CONFIG_MISSING_DEPENDENCY, which names the package and who needs it.
 * @example
 * const { SQS } = await import("@aws-sdk/client-sqs").catch(missingDependency("sqs", "@aws-sdk/client-sqs"));
 */
export const missingDependency =
  (user: string, packageName: string) =>
  (cause: unknown): never => {
    throw new ConfigError(
      "CONFIG_MISSING_DEPENDENCY",
      `${user} needs the package ${packageName}: npm install ${packageName}`,
      { cause },
    );
  };
