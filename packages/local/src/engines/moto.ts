// moto is a server of many AWS services. Sluice uses moto for EventBridge. The Python package is installed once, into a
// virtual environment in the cache.

import { checkOptionNames } from "@sluice/core/sink-kit";
import { type AwsEngine, awsEngine, startAwsEngine } from "./aws-engine.ts";
import { onFreePort } from "./free-port.ts";
import { type PythonPackage, pythonWith } from "./python-package.ts";

/** A server of EventBridge, SQS, Step Functions and other services. */
export type MotoEngine = AwsEngine;

/** Options of `startMoto`. */
export interface MotoEngineOptions {
  /** Uses this endpoint instead of starting a server. Default: the environment variable `MOTO_URL`. */
  readonly endpoint?: string;
  /** Local port to which state machines send task requests. Set it for Lambda tasks, because moto runs no functions. */
  readonly taskPort?: number;
}

const moto: PythonPackage = { name: "moto", version: "5.2.5", requirement: "moto[server]", variable: "MOTO_URL" };

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
  const python = await pythonWith(moto);
  return onFreePort((port) => startOn(python, port, options.taskPort ?? port));
};
