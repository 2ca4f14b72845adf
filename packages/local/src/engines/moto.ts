// moto: many services of AWS in one server, of which EventBridge is used. It is a Python package, installed once into a
// virtual environment of its own in the cache.

import { execFile } from "node:child_process";
import { access, mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type AwsClientConfig, awsClientConfig } from "./aws-engine.ts";
import { inCache } from "./cache-folder.ts";
import { removeDirectory, startChild, untilReady } from "./child-engine.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";

const run = promisify(execFile);

/** An endpoint for EventBridge, SQS and the other services that moto has. */
export interface MotoEngine {
  readonly endpoint: string;
  readonly clientConfig: AwsClientConfig;
  readonly stop: () => Promise<void>;
}

/** Where moto comes from. */
export interface MotoEngineOptions {
  /** Use this endpoint and start nothing. Default: `MOTO_URL` of the environment. */
  readonly endpoint?: string;
  /** Where on loopback the requests of state machines go, for functions that moto cannot run. Default: to moto. */
  readonly taskPort?: number;
}

const version = "5.2.5";
/** 300 MB have to be fetched and unpacked the first time. */
const installTimeoutMs = 600_000;
const readyTimeoutMs = 60_000;

const pythonIn = (environment: string): string => join(environment, "bin", "python");

/** A path without the script folder's name in it: the environment is moved when it is complete. */
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
    // Another process may have been faster: then its environment serves.
    const isThere = await access(pythonIn(environment)).then(
      () => true,
      () => false,
    );
    if (!isThere) throw error;
  }
};

const majorAndMinor = async (python: string): Promise<string> => {
  const { stdout } = await run(python, ["-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]);
  return stdout.trim();
};

/** The Python of an environment with moto in it. */
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

const startOn = async (python: string, port: number, taskPort: number): Promise<MotoEngine> => {
  const endpoint = `http://127.0.0.1:${port}`;
  const child = await startChild({
    command: python,
    args: ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)],
    options: { env: { ...process.env, MOTO_PORT: String(taskPort) } },
    orphanSignal: "SIGTERM",
  });
  const probe = () => fetch(`${endpoint}/moto-api/data.json`, { signal: AbortSignal.timeout(10_000) });
  await untilReady(child, probe, readyTimeoutMs);
  return { endpoint, clientConfig: awsClientConfig(endpoint), stop: () => child.end("SIGTERM") };
};

/**
 * Starts moto on a free loopback port, empty and in memory. It takes about 2 seconds; the first time a minute, in which
 * it is installed.
 * @throws {EngineMissingError} when there is no Python, or when moto cannot be installed.
 */
export const startMoto = async (options: MotoEngineOptions = {}): Promise<MotoEngine> => {
  const endpoint = options.endpoint ?? process.env.MOTO_URL;
  if (endpoint) return { endpoint, clientConfig: awsClientConfig(endpoint), stop: async () => undefined };
  const python = await pythonWithMoto();
  return onFreePort((port) => startOn(python, port, options.taskPort ?? port));
};
