// The machine of the measurement.

import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** One line: processor, cores, memory, system, Node. */
export const machine = (): string => {
  const [processor] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${processor?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${memory}, ${type()} ${release()}, Node ${process.version}`;
};
