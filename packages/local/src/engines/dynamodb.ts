// DynamoDB Local, with Streams. Its licence (emulator/LICENSE.txt in the npm package) allows use for one's own
// development and forbids distribution: never bundle or copy the jar. npm fetches it on the developer's machine, as an
// optional peer dependency.

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type AwsClientConfig, awsClientConfig } from "./aws-engine.ts";
import { type ChildCommand, startChild, untilReady } from "./child-engine.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { installedJavas, type Java } from "./java.ts";

/** A DynamoDB endpoint with Streams. */
export interface DynamodbEngine {
  /** For DynamoDB and DynamoDB Streams alike. */
  readonly endpoint: string;
  readonly clientConfig: AwsClientConfig;
  readonly stop: () => Promise<void>;
}

/** Where DynamoDB comes from. */
export interface DynamodbEngineOptions {
  /** Use this endpoint and start nothing. Default: `DYNAMODB_ENDPOINT` of the environment. */
  readonly endpoint?: string;
  /** Java heap in MiB. Default 256, which holds 100,000 small items. */
  readonly maxHeapMb?: number;
}

const minimumJava = 17;
const readyTimeoutMs = 30_000;
/** The image may have to be fetched first. */
const dockerTimeoutMs = 180_000;
const serverFlags = ["-inMemory", "-sharedDb", "-disableTelemetry"];

/** The package is the user's dependency, so it may be visible from the working directory only. */
const emulatorDirectory = (): string | undefined => {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return join(dirname(createRequire(from).resolve("amplify-dynamodb-simulator/package.json")), "emulator");
    } catch {
      // Look in the next place; startDynamodb says what is missing.
    }
  }
  return undefined;
};

const javaCommand = (java: Java, directory: string, port: number, maxHeapMb: number): ChildCommand => ({
  command: java.command,
  args: [
    `-Xmx${maxHeapMb}m`,
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.library.path=./DynamoDBLocal_lib",
    "-jar",
    "DynamoDBLocal.jar",
    ...serverFlags,
    "-port",
    String(port),
  ],
  // The jar finds its libraries relative to the working directory.
  options: { cwd: directory, env: { ...process.env, DDB_LOCAL_TELEMETRY: "0" } },
  orphanSignal: "SIGTERM",
});

const dockerCommand = (port: number): ChildCommand => ({
  command: "docker",
  args: [
    "run",
    "--rm",
    "--publish",
    `127.0.0.1:${port}:8000`,
    "--env",
    "DDB_LOCAL_TELEMETRY=0",
    "amazon/dynamodb-local",
    "-jar",
    "DynamoDBLocal.jar",
    ...serverFlags,
  ],
  options: {},
  orphanSignal: "SIGTERM",
});

const hasDocker = async (): Promise<boolean> => {
  try {
    await promisify(execFile)("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
};

const missing = (javas: readonly Java[], directory: string | undefined): EngineMissingError => {
  const java = javas.find(({ major }) => major >= minimumJava);
  if (java && !directory) {
    return new EngineMissingError(
      "DynamoDB Local is not installed: run `npm install --save-dev amplify-dynamodb-simulator@2.9.30`, start Docker, or set DYNAMODB_ENDPOINT.",
    );
  }
  const found = javas.length === 0 ? "none" : javas.map(({ major }) => major).join(" and ");
  return new EngineMissingError(
    `DynamoDB Local needs Java ${minimumJava} or newer (found: ${found}): install a JDK, start Docker, or set DYNAMODB_ENDPOINT.`,
  );
};

const choose = async (maxHeapMb: number): Promise<{ command: (port: number) => ChildCommand; timeoutMs: number }> => {
  const [javas, directory] = [await installedJavas(), emulatorDirectory()];
  const java = javas.find(({ major }) => major >= minimumJava);
  if (java && directory) {
    return { command: (port) => javaCommand(java, directory, port, maxHeapMb), timeoutMs: readyTimeoutMs };
  }
  if (await hasDocker()) return { command: dockerCommand, timeoutMs: dockerTimeoutMs };
  throw missing(javas, directory);
};

const engine = (endpoint: string, stop: () => Promise<void>): DynamodbEngine => ({
  endpoint,
  clientConfig: awsClientConfig(endpoint),
  stop,
});

/**
 * Starts DynamoDB Local on a free port, empty and in memory: by Java 17 or newer (`JAVA_HOME`, then the path), else by
 * Docker. It takes about 2 seconds. DynamoDB Local itself listens on all interfaces; the endpoint is on loopback.
 * @throws {EngineMissingError} when there is neither Java with the npm package nor Docker.
 */
export const startDynamodb = async (options: DynamodbEngineOptions = {}): Promise<DynamodbEngine> => {
  const given = options.endpoint ?? process.env.DYNAMODB_ENDPOINT;
  if (given) return engine(given, async () => undefined);
  const { command, timeoutMs } = await choose(options.maxHeapMb ?? 256);
  return onFreePort(async (port) => {
    const endpoint = `http://127.0.0.1:${port}`;
    const child = await startChild(command(port));
    // Any answer will do: it is 400 without an operation.
    await untilReady(child, () => fetch(endpoint, { signal: AbortSignal.timeout(5_000) }), timeoutMs);
    return engine(endpoint, () => child.end("SIGTERM"));
  });
};
