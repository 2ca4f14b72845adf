// An eighth of a core, by the cgroup controller `cpu`: Lambda gives a function of 221 MB an eighth of a core, and its start
// a full core. Needs root, and a writable cgroup file system of version 1.

import { mkdirSync, writeFileSync } from "node:fs";

const folder = "/sys/fs/cgroup/cpu/sluice-cold-start";

/** Returns the file to which a process writes its id to get only an eighth of a core. Undefined without the controller. */
export const eighthOfCore = (): string | undefined => {
  try {
    mkdirSync(folder, { recursive: true });
    // Lambda's scheduler has periods of 20 ms, too.
    writeFileSync(`${folder}/cpu.cfs_period_us`, "20000");
    writeFileSync(`${folder}/cpu.cfs_quota_us`, "2500");
    return `${folder}/cgroup.procs`;
  } catch {
    return undefined;
  }
};
