// Runs the demo in a child process whose output is not a terminal.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const loader = pathOf("../../../scripts/strip-types.js");

/** A running demo. */
export interface RunningDemo {
  readonly child: ChildProcess;
  /** The output so far. */
  readonly output: () => string;
  /** Resolves as soon as the output contains the text or the process has ended. */
  readonly says: (text: string) => Promise<void>;
  readonly exitCode: Promise<number | null>;
}

/** Starts the demo with these arguments. */
export const runDemo = (args: readonly string[], env: Readonly<Record<string, string | undefined>>): RunningDemo => {
  const node = ["--conditions=@sluice/source", `--import=${loader}`, pathOf("../src/main.ts")];
  const child = spawn(process.execPath, [...node, ...args], {
    env: { ...env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      printed += bytes.toString();
    });
  }
  const exitCode = once(child, "close").then(([code]) => code as number | null);
  const says = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (printed.includes(text)) resolve();
      };
      child.stdout.on("data", look);
      exitCode.finally(resolve);
      look();
    });
  return { child, output: () => printed, says, exitCode };
};

interface Process {
  readonly pid: number;
  readonly parent: number;
}

/** Returns all processes of the machine, except zombies. */
const running = async (): Promise<readonly Process[]> => {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,stat="]);
  return stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , stat = "Z"]) => !stat.startsWith("Z"))
    .map(([pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }));
};

/** Returns the ids of the running child processes of a process. */
export const childrenOf = async (parent: number): Promise<readonly number[]> =>
  (await running()).filter((one) => one.parent === parent).map(({ pid }) => pid);

/** Returns those of the given process ids whose processes are still running. */
export const stillRunning = async (pids: readonly number[]): Promise<readonly number[]> => {
  const alive = new Set((await running()).map(({ pid }) => pid));
  return pids.filter((pid) => alive.has(pid));
};
