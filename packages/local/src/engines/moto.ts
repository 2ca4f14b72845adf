// moto is a server of many AWS services. Sluice uses moto for EventBridge. The Python package is installed once, into a
// virtual environment in the cache.

import { access, mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkOptionNames } from "@sluice/core/sink-kit";
import { type AwsEngine, awsEngine, startAwsEngine } from "./aws-engine.ts";
import { inCache, removeDirectory } from "./engine-directory.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { run } from "./program.ts";

/** A server of EventBridge, SQS, Step Functions and other services. */
export type MotoEngine = AwsEngine;

/** Options of `startMoto`. */
export interface MotoEngineOptions {
  /** Uses this endpoint instead of starting a server. Default: the environment variable `MOTO_URL`. */
  readonly endpoint?: string;
  /** Local port to which state machines send task requests. Set it for Lambda tasks, because moto runs no functions. */
  readonly taskPort?: number;
}

const version = "5.2.5";
/** The timeout is long because the installation downloads and unpacks 300 MB. */
const installTimeoutMs = 600_000;

const pythonIn = (environment: string): string => join(environment, "bin", "python");

/** Installs moto into a temporary virtual environment. Renames the environment when the installation is complete. */
const install = async (python: string, environment: string): Promise<void> => {
  const partial = `${environment}.${process.pid}`;
  try {
    await mkdir(dirname(environment), { recursive: true });
    await run(python, ["-m", "venv", partial], { timeout: installTimeoutMs });
    const arguments_ = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `moto[server]==${version}`];
    await run(pythonIn(partial), arguments_, { timeout: installTimeoutMs });
    await rename(partial, environment);
  } catch (error) {
    await removeDirectory(partial);
    // Another process may have installed the environment first.
    const exists = await access(pythonIn(environment)).then(
      () => true,
      () => false,
    );
    if (!exists) throw error;
  }
};

const majorAndMinor = async (python: string): Promise<string> => {
  const { stdout } = await run(python, ["-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]);
  return stdout.trim();
};

/** Returns the path of a Python that has moto. If there is none, installs moto first. */
const pythonWithMoto = async (): Promise<string> => {
  let python = "no python3";
  try {
    python = await majorAndMinor("python3");
    const environment = inCache(`moto-${version}-python${python}`);
    await access(pythonIn(environment)).catch(() => install("python3", environment));
    return pythonIn(environment);
  } catch (cause) {
    throw new EngineMissingError(
      `moto ${version} needs python3 with venv and pip, and the package index the first time (found: ${python}): install them, or set MOTO_URL.`,
      { cause },
    );
  }
};

const startOn = (python: string, port: number, taskPort: number): Promise<MotoEngine> => {
  const args = ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)];
  const options = { env: { ...process.env, MOTO_PORT: String(taskPort) } };
  return startAwsEngine(port, { command: python, args, options, timeoutMs: 60_000 }, "/moto-api/data.json");
};

/**
 * Starts an empty moto in memory on a free port of 127.0.0.1. The start takes about 2 seconds. The first start takes a
 * minute longer, because it installs moto.
 * @throws {EngineMissingError} when Python is missing, or moto cannot be installed.
 */
export const startMoto = async (options: MotoEngineOptions = {}): Promise<MotoEngine> => {
  checkOptionNames("startMoto", options, { endpoint: true, taskPort: true });
  const endpoint = options.endpoint ?? process.env.MOTO_URL;
  if (endpoint) return awsEngine(endpoint);
  const python = await pythonWithMoto();
  return onFreePort((port) => startOn(python, port, options.taskPort ?? port));
};
