// DynamoDB Local, with Streams. Its license (emulator/LICENSE.txt in the npm package) allows the use for your own
// development but forbids redistribution, so the jar must never be bundled or copied. npm downloads the tarball of the
// package to the developer's machine at the first start. The package is no dependency, because its own dependencies,
// which the jar does not need, have hundreds of megabytes (decision 0055).

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { checkOptionNames } from "@sluice/core/sink-kit";
import { type AwsEngine, awsEngine, startAwsEngine } from "./aws-engine.ts";
import type { ChildCommand } from "./child-engine.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { installedJavas, type Java, javaVersions } from "./java.ts";
import { type NpmFolder, npmFolder } from "./npm-package.ts";
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

/** The npm package with the jar. */
const simulator: NpmFolder = {
  name: "amplify-dynamodb-simulator",
  version: "2.9.30",
  integrity: "sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==",
  folder: "emulator",
};

const minimumJava = 17;
const serverArguments = ["-jar", "DynamoDBLocal.jar", "-inMemory", "-sharedDb", "-disableTelemetry"];

type PortCommand = (port: number) => Omit<ChildCommand, "probe">;

/** Finds the npm package, if a project installed it. The package may be a dependency of the working directory only. */
const installedEmulator = (): string | undefined => {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return join(dirname(createRequire(from).resolve(`${simulator.name}/package.json`)), simulator.folder);
    } catch {
      // Try the next place. If no place has the package, `downloadedEmulator` downloads its tarball.
    }
  }
  return undefined;
};

const announceDownload = (into: string): void =>
  process.emitWarning(
    `npm downloads DynamoDB Local (57 MB), once for all projects of this account. Its own license is ${into}/LICENSE.txt`,
    "@sluice/local",
  );

/** The emulator in our cache. The first call downloads it. */
const downloadedEmulator = (): Promise<string> => npmFolder(simulator, announceDownload);

const firstLine = (error: unknown): string =>
  String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";

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
    timeoutMs: 60_000,
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

/** @throws {EngineMissingError} with the reason why the emulator cannot be downloaded, when Docker is missing, too. */
const byJava = async (java: Java, maxHeapMb: number): Promise<PortCommand> => {
  try {
    return javaCommand(java.command, installedEmulator() ?? (await downloadedEmulator()), maxHeapMb);
  } catch (cause) {
    if (await hasDocker()) return dockerCommand;
    throw new EngineMissingError(
      `DynamoDB Local could not be downloaded with npm (${firstLine(cause)}): connect to the npm registry once, run \`npm install --save-dev ${simulator.name}@${simulator.version}\`, start Docker, or set DYNAMODB_ENDPOINT.`,
      { cause },
    );
  }
};

const findCommand = async (maxHeapMb: number): Promise<PortCommand> => {
  const javas = await installedJavas();
  const java = javas.find(({ major }) => major >= minimumJava);
  if (java !== undefined) return byJava(java, maxHeapMb);
  if (await hasDocker()) return dockerCommand;
  throw new EngineMissingError(
    `DynamoDB Local needs Java ${minimumJava} or newer (found: ${javaVersions(javas)}): install a JDK, start Docker, or set DYNAMODB_ENDPOINT.`,
  );
};

/**
 * Starts an empty DynamoDB Local in memory on a free port. Uses Java 17 or newer (of `JAVA_HOME`, or else of the path),
 * or else Docker. The start takes about 2 seconds, and longer the first time, when npm downloads 57 MB. The server
 * listens on all interfaces, not only at `endpoint`.
 * @throws {EngineMissingError} when Docker is missing, and Java is missing or the download fails, too.
 */
export const startDynamodb = async (options: DynamodbEngineOptions = {}): Promise<DynamodbEngine> => {
  checkOptionNames("startDynamodb", options, { endpoint: true, maxHeapMb: true });
  const given = options.endpoint ?? process.env.DYNAMODB_ENDPOINT;
  if (given) return awsEngine(given);
  const command = await findCommand(options.maxHeapMb ?? 256);
  return onFreePort((port) => startAwsEngine(port, command(port)));
};
