// ElasticMQ implements SQS, like fauxqs. ElasticMQ's FIFO queues behave more like AWS: one receive returns up to ten
// messages of a message group in order, and locks the group.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkOptionNames } from "@sluice/core/sink-kit";
import { awsEngine, startAwsEngine } from "./aws-engine.ts";
import { inNewDirectory } from "./engine-directory.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { installedJavas, javaVersions } from "./java.ts";
import { hasMaven, mavenClasspath } from "./maven-classpath.ts";
import type { SqsEngine, SqsEngineOptions } from "./sqs.ts";

const artifact = { group: "org.elasticmq", name: "elasticmq-server_2.13", version: "1.7.1" };
const oldestJava = 17;

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
  const [javas, maven] = await Promise.all([installedJavas(), hasMaven()]);
  const java = javas.find(({ major }) => major >= oldestJava);
  if (java === undefined || !maven) {
    const found = `Java: ${javaVersions(javas)}, Maven: ${maven ? "yes" : "no"}`;
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

const startOn = ({ command, classpath }: ElasticmqLaunch, port: number): Promise<SqsEngine> =>
  inNewDirectory("elasticmq", async (directory) => {
    const file = join(directory, "elasticmq.conf");
    await writeFile(file, configuration(port));
    const flags = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", `-Dconfig.file=${file}`];
    return startAwsEngine(port, {
      command,
      args: [...flags, "org.elasticmq.server.Main"],
      // The class path is an environment variable, because an argument with dozens of jars would fill a process list.
      options: { env: { ...process.env, CLASSPATH: classpath } },
      directory,
      timeoutMs: 60_000,
    });
  });

/**
 * Starts an empty ElasticMQ in memory on a free port of 127.0.0.1, with Maven and Java. The start takes about 3
 * seconds, and longer the first time, when Maven downloads the jars. If `endpoint` or the environment variable
 * `ELASTICMQ_URL` names a running server, this function uses that server instead.
 * @throws {EngineMissingError} when Maven or Java is missing.
 */
export const startElasticmq = async (options: SqsEngineOptions = {}): Promise<SqsEngine> => {
  checkOptionNames("startElasticmq", options, { endpoint: true });
  const endpoint = options.endpoint ?? process.env.ELASTICMQ_URL;
  if (endpoint) return awsEngine(endpoint);
  const launch = await findLaunch();
  return onFreePort((port) => startOn(launch, port));
};
