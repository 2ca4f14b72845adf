// Describes the machine that runs the bench.

import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** Returns one line with the processor, the cores, the memory, the operating system and the version of Node. */
export const machine = (): string => {
  const [processor] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${processor?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${memory}, ${type()} ${release()}, Node ${process.version}`;
};
