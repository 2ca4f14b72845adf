// The error of an optional package that is not installed. Such packages are imported when they are first used.

import { ConfigError } from "../errors.ts";

/**
 * The `catch` of such an import. Both must be in the caller's code: esbuild ignores a package that is not installed only
 * if the import itself has a `catch`.
 * @throws {ConfigError} CONFIG_MISSING_DEPENDENCY, which names the package and its user.
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
