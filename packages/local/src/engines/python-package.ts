// Python packages for engines. Each package is installed once, into a virtual environment of its own in the cache.

import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exists, inCache, removeDirectory } from "./engine-directory.ts";
import { EngineMissingError } from "./engine-error.ts";
import { run } from "./program.ts";

/** A package of Python's package index. */
export interface PythonPackage {
  /** The package's name, for people and for the folder in the cache. */
  readonly name: string;
  readonly version: string;
  /** What pip installs, without the version. Default: the name. */
  readonly requirement?: string;
  /** More that pip installs into the same environment, with versions: `["boto3==1.43.1"]`. */
  readonly besides?: readonly string[];
  /** The environment variable with the address of an external server, if the package is a server. */
  readonly variable?: string;
}

/** The timeout is long because an installation downloads and unpacks up to 300 MB. */
const installTimeoutMs = 600_000;

const pythonIn = (environment: string): string => join(environment, "bin", "python");

/** Installs a package into a temporary virtual environment. Renames the environment when the installation is complete. */
const install = async (python: string, environment: string, requirements: readonly string[]): Promise<void> => {
  const partial = `${environment}.${process.pid}`;
  try {
    await mkdir(dirname(environment), { recursive: true });
    await run(python, ["-m", "venv", partial], { timeout: installTimeoutMs });
    const arguments_ = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements];
    await run(pythonIn(partial), arguments_, { timeout: installTimeoutMs });
    await rename(partial, environment);
  } catch (error) {
    await removeDirectory(partial);
    // Another process may have installed the environment first.
    if (!(await exists(pythonIn(environment)))) throw error;
  }
};

const majorAndMinor = async (python: string): Promise<string> => {
  const { stdout } = await run(python, ["-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]);
  return stdout.trim();
};

/**
 * Returns the path of a Python that has a package. If there is none, installs the package first.
 * @throws {EngineMissingError} when Python is missing, or the package cannot be installed.
 */
export const pythonWith = async (wanted: PythonPackage): Promise<string> => {
  const { name, version, requirement = name, besides = [], variable } = wanted;
  let python = "no python3";
  try {
    python = await majorAndMinor("python3");
    const environment = inCache(`${name}-${version}-python${python}`);
    const pinned = [`${requirement}==${version}`, ...besides];
    if (!(await exists(pythonIn(environment)))) await install("python3", environment, pinned);
    return pythonIn(environment);
  } catch (cause) {
    throw new EngineMissingError(
      `${name} ${version} needs python3 with venv and pip, and the package index the first time (found: ${python}): install them${variable === undefined ? "" : `, or set ${variable}`}.`,
      { cause },
    );
  }
};
