// An OpenSearch server of our own, without the security plugin: plain HTTP on loopback, one node, its data thrown away.

import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChildEngine, removeDirectory, startChild, untilReady } from "./child-engine.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { findLaunch, type OpensearchLaunch, type OpensearchVersion } from "./opensearch-release.ts";

/** An OpenSearch server. */
export interface OpensearchEngine {
  /** For the client's `node`: `http://127.0.0.1:40757`. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Where OpenSearch comes from. */
export interface OpensearchEngineOptions {
  /** Use this server and start nothing. Default: `OPENSEARCH_URL` of the environment. */
  readonly url?: string;
  /** Default: the newest that an installed Java can run. A server that is given by its URL keeps its own. */
  readonly version?: OpensearchVersion;
  /** Node settings by name: `{ "http.max_content_length": "1mb" }`. */
  readonly settings?: { readonly [name: string]: string | number | boolean };
  /** Java heap in MiB. Default 768. */
  readonly maxHeapMb?: number;
  /** Flags for Java. Default: ready in half the time, at the price of throughput. A benchmark passes `[]`. */
  readonly javaFlags?: readonly string[];
}

type NodeSettings = NonNullable<OpensearchEngineOptions["settings"]>;

const readyTimeoutMs = 120_000;
/** The image may have to be fetched first. */
const dockerTimeoutMs = 600_000;
const quickStart: readonly string[] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/** The runner counts from the port that it is given. On Linux 0 is free to it, and the kernel then chooses a port. */
const basePort = process.platform === "linux" ? -1 : 9200;

const nodeSettings: NodeSettings = {
  "network.host": "127.0.0.1",
  "transport.port": 0,
  // The only way to learn which port was chosen.
  "node.portsfile": true,
  // A laptop's disk is often fuller than the watermarks allow.
  "cluster.routing.allocation.disk.threshold_enabled": false,
};

/** Errors and warnings only, and to the console: the server's own configuration writes files. */
const logging = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%p] %m%n%throwable
rootLogger.level = error
rootLogger.appenderRef.console.ref = console
`;

const writeConfiguration = async (directory: string, settings: NodeSettings): Promise<void> => {
  const lines = Object.entries({ ...nodeSettings, ...settings }).map(
    ([name, value]) => `${name}: ${JSON.stringify(String(value))}\n`,
  );
  await mkdir(join(directory, "config"));
  await writeFile(join(directory, "config", "opensearch.yml"), lines.join(""));
  await writeFile(join(directory, "config", "log4j2.properties"), logging);
};

const javaArguments = (directory: string, options: OpensearchEngineOptions): string[] => [
  `-Xmx${options.maxHeapMb ?? 768}m`,
  ...(options.javaFlags ?? quickStart),
  "org.codelibs.opensearch.runner.OpenSearchRunner",
  ...["-basePath", directory, "-confPath", join(directory, "config"), "-logsPath", join(directory, "logs")],
  ...["-clusterName", "sluice", "-numOfNode", "1", "-baseHttpPort", String(basePort)],
];

const expectWell = async (url: string): Promise<void> => {
  const health = await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=5s`, {
    signal: AbortSignal.timeout(10_000),
  });
  if (!health.ok) throw new Error(`the health of the cluster was answered with ${health.status}`);
};

const startByJava = async (
  launch: OpensearchLaunch & { readonly by: "java" },
  options: OpensearchEngineOptions,
): Promise<OpensearchEngine> => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-opensearch-"));
  const start = async (): Promise<{ child: ChildEngine; url: string }> => {
    await writeConfiguration(directory, options.settings ?? {});
    const child = await startChild({
      command: launch.command,
      args: javaArguments(directory, options),
      // Hundreds of jars make a command line that no process list should show.
      options: { env: { ...process.env, CLASSPATH: launch.classpath } },
      orphanSignal: "SIGTERM",
      directory,
    });
    let url = "";
    const probe = async (): Promise<void> => {
      const ports = await readFile(join(directory, "logs", "http.ports"), "utf8");
      url = `http://${ports.split("\n").find((line) => !line.startsWith("["))}`;
      await expectWell(url);
    };
    await untilReady(child, probe, readyTimeoutMs);
    return { child, url };
  };
  try {
    const { child, url } = await start();
    const stop = async (): Promise<void> => {
      await child.end("SIGTERM");
      await removeDirectory(directory);
    };
    return { url, stop };
  } catch (error) {
    await removeDirectory(directory);
    throw error;
  }
};

const dockerArguments = (port: number, { settings = {}, maxHeapMb = 768 }: OpensearchEngineOptions, image: string) => {
  const environment = {
    "discovery.type": "single-node",
    DISABLE_SECURITY_PLUGIN: true,
    DISABLE_INSTALL_DEMO_CONFIG: true,
    OPENSEARCH_JAVA_OPTS: `-Xmx${maxHeapMb}m`,
    "cluster.routing.allocation.disk.threshold_enabled": false,
    ...settings,
  };
  const variables = Object.entries(environment).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  return ["run", "--rm", "--publish", `127.0.0.1:${port}:9200`, ...variables, image];
};

const startByDocker = (version: OpensearchVersion, options: OpensearchEngineOptions): Promise<OpensearchEngine> =>
  onFreePort(async (port) => {
    const child = await startChild({
      command: "docker",
      args: dockerArguments(port, options, `opensearchproject/opensearch:${version}`),
      options: {},
      orphanSignal: "SIGTERM",
    });
    const url = `http://127.0.0.1:${port}`;
    await untilReady(child, () => expectWell(url), dockerTimeoutMs);
    return { url, stop: () => child.end("SIGTERM") };
  });

/**
 * Starts OpenSearch on a free loopback port, empty: by Maven and Java, else by Docker. It takes about 5 seconds; the
 * first time Maven has 72 MB to fetch.
 * @throws {EngineMissingError} when there is neither, or when settings are asked of a server that is not ours.
 * @throws {EngineFailedError} when the server does not start.
 */
export const startOpensearch = async (options: OpensearchEngineOptions = {}): Promise<OpensearchEngine> => {
  const given = options.url ?? process.env.OPENSEARCH_URL;
  if (given && options.settings !== undefined) {
    throw new EngineMissingError(
      "OpenSearch was given by OPENSEARCH_URL: a server with other settings needs it unset.",
    );
  }
  if (given) return { url: given, stop: async () => undefined };
  const launch = await findLaunch(options.version);
  return launch.by === "java" ? startByJava(launch, options) : startByDocker(launch.version, options);
};
