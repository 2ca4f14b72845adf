// Ends this process when the command has ended, even while the module's code never returns to the event loop.

import { Worker } from "node:worker_threads";

const watchMs = 1_000;

/** A thread has an event loop of its own. The process that started this one is another one as soon as that has ended. */
const program = `
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
}, ${watchMs});
`;

/** Watches the process that started this one, until this one ends. */
export const watchParent = (): void => {
  const thread = new Worker(program, { eval: true, execArgv: [], stdout: false, stderr: false });
  thread.unref();
};
