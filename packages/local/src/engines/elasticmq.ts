// ElasticMQ: SQS once more, from other authors. Truer than fauxqs where order matters: a receive of a FIFO queue answers
// up to ten messages of a group in order, and the group is locked meanwhile.

import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { awsClientConfig } from "./aws-engine.ts";
import { removeDirectory, startChild, untilReady } from "./child-engine.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { installedJavas, type Java } from "./java.ts";
import { hasMaven, mavenClasspath } from "./maven-classpath.ts";
import type { SqsEngine, SqsEngineOptions } from "./sqs.ts";

const artifact = { group: "org.elasticmq", name: "elasticmq-server_2.13", version: "1.7.1" };
const oldestJava = 17;
const readyTimeoutMs = 60_000;

const configuration = (port: number): string => `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = ${port}, sqs-limits = strict }
rest-stats { enabled = false }
`;

interface ElasticmqLaunch {
  readonly command: string;
  readonly classpath: string;
}

const findLaunch = async (): Promise<ElasticmqLaunch> => {
  const [javas, maven]: [readonly Java[], boolean] = await Promise.all([installedJavas(), hasMaven()]);
  const java = javas.find(({ major }) => major >= oldestJava);
  if (java === undefined || !maven) {
    const found = `Java: ${javas.map(({ major }) => major).join(" and ") || "none"}, Maven: ${maven ? "yes" : "no"}`;
    throw new EngineMissingError(
      `ElasticMQ needs Maven and Java ${oldestJava} or newer (found ${found}): install them, or set ELASTICMQ_URL.`,
    );
  }
  try {
    return { command: java.command, classpath: await mavenClasspath(artifact) };
  } catch (cause) {
    throw new EngineMissingError("ElasticMQ's jars could not be resolved by Maven: see the cause.", { cause });
  }
};

const startOn = async ({ command, classpath }: ElasticmqLaunch, port: number): Promise<SqsEngine> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-elasticmq-"));
  const file = join(directory, "elasticmq.conf");
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await writeFile(file, configuration(port));
    const flags = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", `-Dconfig.file=${file}`];
    const child = await startChild({
      command,
      args: [...flags, "org.elasticmq.server.Main"],
      // Dozens of jars make a command line that no process list should show.
      options: { env: { ...process.env, CLASSPATH: classpath } },
      orphanSignal: "SIGTERM",
      directory,
    });
    // Any answer will do: it is an error without an operation.
    await untilReady(child, () => fetch(endpoint, { signal: AbortSignal.timeout(5_000) }), readyTimeoutMs);
    const stop = async (): Promise<void> => {
      await child.end("SIGTERM");
      await removeDirectory(directory);
    };
    return { endpoint, clientConfig: awsClientConfig(endpoint), stop };
  } catch (error) {
    await removeDirectory(directory);
    throw error;
  }
};

/**
 * Starts ElasticMQ on a free loopback port, empty and in memory, by Maven and Java. It takes about 3 seconds; the first
 * time Maven has its jars to fetch. `ELASTICMQ_URL` of the environment, or `endpoint`, names one that runs already.
 * @throws {EngineMissingError} when Maven or Java is missing.
 */
export const startElasticmq = async (options: SqsEngineOptions = {}): Promise<SqsEngine> => {
  const endpoint = options.endpoint ?? process.env.ELASTICMQ_URL;
  if (endpoint) return { endpoint, clientConfig: awsClientConfig(endpoint), stop: async () => undefined };
  const launch = await findLaunch();
  return onFreePort((port) => startOn(launch, port));
};
