// The class path of a Java server. Maven stores the jars in its own repository. Our cache stores the class path.

import { access, constants, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { inCache, inNewDirectory, removeDirectory } from "./engine-directory.ts";
import { run } from "./program.ts";

/** The timeout is long because Maven downloads tens of megabytes the first time. */
const mavenTimeoutMs = 300_000;

/** An artifact of Maven Central. */
export interface MavenArtifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
}

const cacheFile = ({ name, version }: MavenArtifact): string => inCache(`${name}-${version}.classpath`);

/** Returns the cached class path; undefined if the cache file, or a jar of the class path, is missing. */
const cachedClasspath = async (artifact: MavenArtifact): Promise<string | undefined> => {
  try {
    const classpath = await readFile(cacheFile(artifact), "utf8");
    await Promise.all(classpath.split(delimiter).map((jar) => access(jar)));
    return classpath;
  } catch {
    return undefined;
  }
};

const project = (artifact: MavenArtifact): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId><artifactId>engine</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>${artifact.group}</groupId><artifactId>${artifact.name}</artifactId><version>${artifact.version}</version>
  </dependency></dependencies>
</project>
`;

/** Writes the cache file atomically, because several processes may write the file at the same time. */
const writeCache = async (artifact: MavenArtifact, resolved: string): Promise<void> => {
  const file = cacheFile(artifact);
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, resolved);
  await rename(partial, file);
};

const resolve = async (artifact: MavenArtifact, directory: string): Promise<string> => {
  await writeFile(join(directory, "pom.xml"), project(artifact));
  const goal = ["dependency:build-classpath", "-Dmdep.outputFile=classpath"];
  await run("mvn", ["--quiet", "--batch-mode", ...goal], { cwd: directory, timeout: mavenTimeoutMs });
  return (await readFile(join(directory, "classpath"), "utf8")).trim();
};

/** Whether the command `mvn` is on the path. Does not run the command, because a run takes a second. */
export const hasMaven = async (): Promise<boolean> => {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = await Promise.allSettled(folders.map((folder) => access(join(folder, "mvn"), constants.X_OK)));
  return found.some(({ status }) => status === "fulfilled");
};

/** Reads the class path of an artifact from the cache, or else resolves it with Maven. Rejects when Maven fails. */
export const mavenClasspath = async (artifact: MavenArtifact): Promise<string> => {
  const cached = await cachedClasspath(artifact);
  if (cached !== undefined) return cached;
  return inNewDirectory("maven", async (directory) => {
    const resolved = await resolve(artifact, directory);
    await writeCache(artifact, resolved);
    await removeDirectory(directory);
    return resolved;
  });
};
