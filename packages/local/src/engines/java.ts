// Finds the installed Java versions.

import { join } from "node:path";
import { run } from "./program.ts";

/** A Java command, with its major version. */
export interface Java {
  readonly command: string;
  readonly major: number;
}

/** Major version in the output of `java -version`: 17 for `"17.0.15"`, and 8 for `"1.8.0_292"`. */
export const javaMajor = (output: string): number => {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(output) ?? [];
  return Number(first === "1" ? second : first);
};

const javaAt = async (command: string): Promise<Java | undefined> => {
  try {
    const { stdout, stderr } = await run(command, ["-version"], { timeout: 20_000 });
    return { command, major: javaMajor(stderr + stdout) };
  } catch {
    // Java is not installed, or the command is the placeholder of macOS, which only asks to install Java.
    return undefined;
  }
};

/** Finds the Java versions of these commands. A command that cannot be run is left out. */
export const javasAt = async (commands: readonly string[]): Promise<readonly Java[]> =>
  (await Promise.all(commands.map(javaAt))).filter((java) => java !== undefined);

/** Finds the Java of `JAVA_HOME` and the Java on the path, and returns them in this order. */
export const installedJavas = (): Promise<readonly Java[]> => {
  const home = process.env.JAVA_HOME;
  return javasAt(home ? [join(home, "bin", "java"), "java"] : ["java"]);
};

/** The major versions as text for an error message: `11 and 17`, or `none`. */
export const javaVersions = (javas: readonly Java[]): string =>
  [...new Set(javas.map(({ major }) => major))].join(" and ") || "none";
