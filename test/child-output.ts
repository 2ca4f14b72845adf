// What a child process writes, and how it ends.

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";

/** A process that has ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Collects the output of a process, which gets no input. */
export const collected = (child: ChildProcessWithoutNullStreams) => {
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (part) => {
    stdout += part;
  });
  child.stderr.on("data", (part) => {
    stderr += part;
  });
  child.stdin.end();
  const ended = once(child, "close").then(([code]): Ended => ({ code, stdout, stderr }));
  return { child, ended, output: (): string => stdout + stderr };
};
