// How a pipeline's code becomes a bundle, and the checks that give an error at synth instead of at cold start.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { DeployError } from "@sluice/rules";
import { type BundlingOptions, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";

/** Options of the bundle. */
export interface BundleOptions {
  /** Default `CJS`, which starts faster than an ES bundle (docs/bundle-size.md). Entries are read as ES modules in both. */
  readonly format?: OutputFormat;
  /** Default `true`: a smaller bundle starts faster. */
  readonly minify?: boolean;
  /**
   * Whether the asset contains a source map. Default `true`: a file beside the bundle, which Node reads only if you set the
   * variable `NODE_OPTIONS` to `--enable-source-maps`, or which you use to decode a stack trace.
   */
  readonly sourceMap?: boolean;
  /**
   * Modules that the bundle does not contain. Default none: the SDK is bundled, because the runtime's own version changes
   * without a deployment, and loads slower.
   */
  readonly externalModules?: readonly string[];
  /** Modules that are installed beside the bundle, because they cannot be bundled. Default none. */
  readonly nodeModules?: readonly string[];
  /** More of `NodejsFunction`'s own options. They win over ours. */
  readonly more?: BundlingOptions;
}

/** CommonJS modules in an ES bundle call `require` for Node's own modules. */
const requireBanner =
  'import { createRequire as sluiceRequire } from "node:module"; const require = sluiceRequire(import.meta.url);';

/** Our defaults as options of `NodejsFunction`. */
export const bundlingOf = (options: BundleOptions = {}): BundlingOptions => {
  const { format = OutputFormat.CJS, minify = true, sourceMap = true, externalModules = [] } = options;
  const isEsm = format === OutputFormat.ESM;
  return {
    format,
    minify,
    sourceMap,
    // The map names the lines; the sources themselves would make the archive five times as large.
    sourcesContent: false,
    externalModules: [...externalModules],
    bundleAwsSDK: externalModules.length === 0,
    mainFields: ["module", "main"],
    ...(isEsm && { banner: requireBanner }),
    ...(options.nodeModules && { nodeModules: [...options.nodeModules] }),
    ...options.more,
  };
};

/** The absolute path of the entry. Throws if there is no such file. */
export const checkEntry = (entry: string): string => {
  const path = resolve(entry);
  if (existsSync(path)) return path;
  throw new DeployError(
    "ENTRY_MISSING",
    `entry is ${path}, and there is no such file; expected the file that exports the handler. A relative path starts at the ` +
      'directory in which `cdk` runs. Use join(import.meta.dirname, "orders.ts"), or join(__dirname, "orders.ts") in a CommonJS app.',
  );
};

const isInstalled = (name: string, entry: string): boolean => {
  try {
    createRequire(entry).resolve(name);
    return true;
  } catch (error) {
    // A package that only ES modules may load is installed, too.
    return (error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND";
  }
};

/** Throws if a package that a sink loads cannot be found from the entry. */
export const checkPackages = (entry: string, user: string, packages: readonly string[]): void => {
  const missing = packages.filter((name) => !isInstalled(name, entry));
  if (missing.length === 0) return;
  throw new DeployError(
    "PACKAGE_MISSING",
    `${user} needs ${missing.join(", ")}, which is not installed for ${entry}; expected an installed package, because the bundle must contain it. ` +
      `Run: npm install ${missing.join(" ")}`,
  );
};

const cdk = createRequire(import.meta.url).resolve("aws-cdk-lib");

/**
 * Throws if esbuild is missing. CDK would then build an image with Docker, and its error names Docker alone. Options that
 * ask for Docker are accepted.
 */
export const checkEsbuild = ({ more = {} }: BundleOptions = {}, from: string = cdk): void => {
  if (more.forceDockerBundling === true || more.dockerImage !== undefined || isInstalled("esbuild", from)) return;
  if (spawnSync("esbuild", ["--version"], { env: process.env }).status === 0) return;
  throw new DeployError(
    "PACKAGE_MISSING",
    "esbuild, which makes the bundle, is not installed beside aws-cdk-lib; expected an installed package. " +
      "Run: npm install --save-dev esbuild. To bundle in Docker instead, set functionOptions.bundling.more to { forceDockerBundling: true }.",
  );
};
