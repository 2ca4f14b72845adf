// ministack is a server of many AWS services. Sluice uses ministack for Distributed Maps of Step Functions, whose
// functions run as Node processes on this machine. The Python package is installed once, into a virtual environment in the
// cache.

import { dirname } from "node:path";
import { checkOptionNames } from "@sluice/core/sink-kit";
import { type AwsEngine, awsEngine, startAwsEngine } from "./aws-engine.ts";
import { inNewDirectory } from "./engine-directory.ts";
import { onFreePort } from "./free-port.ts";
import { type PythonPackage, pythonWith } from "./python-package.ts";

/** A server of Step Functions, Lambda, S3, DynamoDB and other services. */
export type MinistackEngine = AwsEngine;

/** Options of `startMinistack`. */
export interface MinistackEngineOptions {
  /** Uses this endpoint instead of starting a server. Default: the environment variable `MINISTACK_URL`. */
  readonly endpoint?: string;
  /** Factor by which the delays of Step Functions (retries and Wait states) are multiplied. Default 1. */
  readonly waitScale?: number;
}

const ministack: PythonPackage = { name: "ministack", version: "1.5.33", variable: "MINISTACK_URL" };

/** By default, ministack binds to all addresses, and has two more servers, for MQTT and SFTP. */
const onlyOnLoopback = { BIND_HOST: "127.0.0.1", IOT_MTLS_ENABLED: "0", SFTP_ENABLED: "0", USE_SSL: "0" };

const environmentOf = (port: number, directory: string, waitScale: number): NodeJS.ProcessEnv => {
  // If this variable were set, the functions would use another server than the one that calls them.
  const { AWS_ENDPOINT_URL: _, ...inherited } = process.env;
  return {
    ...inherited,
    ...onlyOnLoopback,
    GATEWAY_PORT: String(port),
    LAMBDA_EXECUTOR: "local",
    PERSIST_STATE: "0",
    SFN_WAIT_SCALE: String(waitScale),
    // The code of the functions is unpacked into the temporary folder, and runs on the Node of this process.
    TMPDIR: directory,
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
  };
};

const startOn = (python: string, port: number, waitScale: number): Promise<MinistackEngine> =>
  inNewDirectory("ministack", (directory) => {
    const options = { env: environmentOf(port, directory, waitScale), cwd: directory };
    const command = { command: python, args: ["-m", "ministack"], options, directory, timeoutMs: 60_000 };
    return startAwsEngine(port, command, "/_ministack/health");
  });

/**
 * Starts an empty ministack in memory on a free port of 127.0.0.1. The start takes about 2 seconds. The first start takes
 * a minute longer, because it installs ministack.
 * @throws {EngineMissingError} when Python is missing, or ministack cannot be installed.
 */
export const startMinistack = async (options: MinistackEngineOptions = {}): Promise<MinistackEngine> => {
  checkOptionNames("startMinistack", options, { endpoint: true, waitScale: true });
  const endpoint = options.endpoint ?? process.env.MINISTACK_URL;
  if (endpoint) return awsEngine(endpoint);
  const python = await pythonWith(ministack);
  return onFreePort((port) => startOn(python, port, options.waitScale ?? 1));
};
