// Runs the built command as a process.

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../..", import.meta.url));

// Builds the command first. This takes half a second if the build is up to date.
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
execFileSync(process.execPath, [tsc, "-b", folder]);

export const program: string = join(folder, "bin/sluice.js");

/** Output and exit code of a process. */
export interface Ended {
  /** Undefined if a signal ended the process. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** Resolves when standard output and standard error together contain a match of `pattern`. */
  readonly said: (pattern: RegExp) => Promise<void>;
}

/**
 * The environment of the process. It does not contain the machine's own credentials, region and DEBUG. Its home folder
 * cannot exist, not even if a program of the account root creates missing folders.
 */
const environment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: "/dev/null",
  XDG_CACHE_HOME: process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local-secret",
  AWS_REGION: "us-east-1",
  AWS_EC2_METADATA_DISABLED: "true",
  POWERTOOLS_LOG_LEVEL: "SILENT",
  ...env,
});

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: string;
  /** Redirects standard error to standard output, as on a terminal. */
  readonly isMerged?: boolean;
}

const merging = ["sh", "-c", 'exec "$0" "$@" 2>&1'] as const;

/** Starts `sluice` with these arguments. */
export const startSluice = (args: readonly string[], options: RunOptions = {}): Started => {
  const { env = {}, cwd, stdin, isMerged = false } = options;
  const [command, ...all] = [...(isMerged ? merging : []), process.execPath, program, ...args];
  const child = spawn(command as string, all, { env: environment(env), ...(cwd && { cwd }) });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (part: Buffer) => {
    stdout += part;
  });
  child.stderr.on("data", (part: Buffer) => {
    stderr += part;
  });
  child.stdin.end(stdin);
  const ended = once(child, "close").then(([code]) => ({
    code: (code ?? undefined) as number | undefined,
    stdout,
    stderr,
  }));
  const said = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(stdout + stderr)) {
      const next = await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), ended]);
      if ("code" in next && !pattern.test(stdout + stderr))
        throw new Error(`ended without ${pattern}: ${stdout}${stderr}`);
    }
  };
  return { child, ended, said };
};

/** Runs `sluice` to its end. */
export const runSluice = (args: readonly string[], options?: RunOptions): Promise<Ended> =>
  startSluice(args, options).ended;
