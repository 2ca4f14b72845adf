// Generated projects for tests: files in memory, and folders whose packages are those of this workspace.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SinkName } from "../../src/init/sinks.ts";

export const root: string = fileURLToPath(new URL("../../../..", import.meta.url));

/** What the package.json of a project contains. */
export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export const readJson = <Content>(path: string): Content => JSON.parse(readFileSync(path, "utf8"));

const link = (target: string, path: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
};

/**
 * Installs exactly the packages that the package.json of a project names, from this workspace. The CLI of the CDK is left
 * out, because the workspace does not have it.
 */
export const linkPackages = (project: string): void => {
  const { dependencies, devDependencies } = readJson<Manifest>(join(project, "package.json"));
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    const target = join(root, "node_modules", name);
    if (existsSync(target)) link(target, join(project, "node_modules", name));
    else if (name !== "aws-cdk") throw new Error(`${name} is not in the workspace`);
  }
  link(join(root, "node_modules/typescript/bin/tsc"), join(project, "node_modules/.bin/tsc"));
  // npm would write it. The CDK finds the root of a project by it.
  writeFileSync(join(project, "package-lock.json"), "{}");
};

/** The environment of a user: without the variables of npm and Jest, and without external engines. */
const environment = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_(?!config_(registry|cache)$)|NODE_|JEST_|AWS_)/.test(name)),
  ),
  DATABASE_URL: undefined,
  DYNAMODB_ENDPOINT: undefined,
  OPENSEARCH_URL: undefined,
};

/** How much of a failed program's output an error shows. */
const shown = 4_000;

/** Runs a program in a project. Returns what it prints. Throws with its output if it fails. */
export const runIn = (
  cwd: string,
  command: string,
  args: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { cwd, env: { ...environment, ...more }, maxBuffer: 1e8, timeout: 400_000 };
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(" ")}: ${stdout.slice(-shown)}\n${stderr.slice(-shown)}`));
    });
  });

/** A number from 0 to 1 that the seed and the index determine: a hash of both. */
export const randomAt = (seed: number, index: number): number =>
  createHash("sha256").update(`${seed}:${index}`).digest().readUInt32BE() / 2 ** 32;

/** A combination of targets, by a number whose bits select them. */
export const combination = (names: readonly SinkName[], bits: number): SinkName[] =>
  names.filter((_, index) => (bits >> index) & 1);
