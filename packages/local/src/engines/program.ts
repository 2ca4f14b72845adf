// Runs programs that are installed on this machine.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Runs a program to its end. Rejects when the program cannot be started, fails, or exceeds its timeout. */
export const run: typeof execFile.__promisify__ = promisify(execFile);

/** Whether Docker is installed and its daemon runs. */
export const hasDocker = (): Promise<boolean> =>
  run("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
