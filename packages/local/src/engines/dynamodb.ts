// DynamoDB Local, with Streams. Its license (emulator/LICENSE.txt in the npm package) allows the use for your own
// development but forbids redistribution, so the jar must never be bundled or copied. Developers install the jar with
// the npm package, which is an optional peer dependency.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type AwsEngine, awsEngine, startAwsEngine } from "./aws-engine.ts";
import type { ChildCommand } from "./child-engine.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { installedJavas, javaVersions } from "./java.ts";
import { hasDocker } from "./program.ts";

/** A server of DynamoDB and DynamoDB Streams. */
export type DynamodbEngine = AwsEngine;

/** Options of `startDynamodb`. */
export interface DynamodbEngineOptions {
  /** Uses this endpoint instead of starting a server. Default: the environment variable `DYNAMODB_ENDPOINT`. */
  readonly endpoint?: string;
  /** Java heap in MiB. Default 256, which holds 100,000 small items. */
  readonly maxHeapMb?: number;
}

const minimumJava = 17;
const serverArguments = ["-jar", "DynamoDBLocal.jar", "-inMemory", "-sharedDb", "-disableTelemetry"];

type PortCommand = (port: number) => Omit<ChildCommand, "probe">;

/** Finds the npm package. Also looks in the working directory, because only the user's project may have the package. */
const emulatorDirectory = (): string | undefined => {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return join(dirname(createRequire(from).resolve("amplify-dynamodb-simulator/package.json")), "emulator");
    } catch {
      // Try the next place. If no place has the package, `startDynamodb` reports the error.
    }
  }
  return undefined;
};

const javaCommand =
  (command: string, directory: string, maxHeapMb: number): PortCommand =>
  (port) => ({
    command,
    args: [
      ...[`-Xmx${maxHeapMb}m`, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
      ...["-Djava.library.path=./DynamoDBLocal_lib", ...serverArguments, "-port", String(port)],
    ],
    // The jar loads its libraries relative to the working directory.
    options: { cwd: directory, env: { ...process.env, DDB_LOCAL_TELEMETRY: "0" } },
    timeoutMs: 30_000,
  });

const dockerCommand: PortCommand = (port) => ({
  command: "docker",
  args: [
    ...["run", "--rm", "--publish", `127.0.0.1:${port}:8000`, "--env", "DDB_LOCAL_TELEMETRY=0"],
    ...["amazon/dynamodb-local", ...serverArguments],
  ],
  // Docker may have to pull the image first.
  timeoutMs: 180_000,
});

const findCommand = async (maxHeapMb: number): Promise<PortCommand> => {
  const [javas, directory] = [await installedJavas(), emulatorDirectory()];
  const java = javas.find(({ major }) => major >= minimumJava);
  if (java && directory) return javaCommand(java.command, directory, maxHeapMb);
  if (await hasDocker()) return dockerCommand;
  throw new EngineMissingError(
    java
      ? "DynamoDB Local is not installed: run `npm install --save-dev amplify-dynamodb-simulator@2.9.30`, start Docker, or set DYNAMODB_ENDPOINT."
      : `DynamoDB Local needs Java ${minimumJava} or newer (found: ${javaVersions(javas)}): install a JDK, start Docker, or set DYNAMODB_ENDPOINT.`,
  );
};

/**
 * Starts an empty DynamoDB Local in memory on a free port. Uses Java 17 or newer (of `JAVA_HOME`, or else of the path),
 * or else Docker. The start takes about 2 seconds. The server listens on all interfaces, not only at `endpoint`.
 * @throws {EngineMissingError} when Docker is missing, and Java or the npm package is missing, too.
 */
export const startDynamodb = async (options: DynamodbEngineOptions = {}): Promise<DynamodbEngine> => {
  const given = options.endpoint ?? process.env.DYNAMODB_ENDPOINT;
  if (given) return awsEngine(given);
  const command = await findCommand(options.maxHeapMb ?? 256);
  return onFreePort((port) => startAwsEngine(port, command(port)));
};
