// Whether Docker can run an engine.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Whether the `docker` command reaches its daemon. */
export const hasDocker = async (): Promise<boolean> => {
  try {
    await promisify(execFile)("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
};
