// A process that has a user's module, seen from the command.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { FromWorker, ToWorker, WorkerError, WorkerTask } from "../worker/messages.ts";
import { onAbort } from "./abort.ts";
import { within } from "./within.ts";

/** How to start a process. */
export interface WorkerCommand {
  readonly program: URL;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called with each line that the process writes. */
  readonly onOutput: (line: string) => void;
  readonly onReports: (reports: unknown) => void;
}

/** How to ask a process. */
export interface AskOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: unknown) => void;
}

/** A process with a user's module. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Rejects with the error of the process, or with a `WorkerEndedError` if the process ends first. */
  readonly ask: (task: WorkerTask, input: unknown, options?: AskOptions) => Promise<unknown>;
  readonly isAlive: () => boolean;
  /** Resolves with the reason when the process has ended. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends the process at once. Resolves when it has ended. */
  readonly kill: () => Promise<void>;
}

/** The process ended before it answered. */
export class WorkerEndedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "Runtime.ExitError";
  }
}

interface Question extends AskOptions {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Called once, when the question has its answer. */
  readonly release: () => void;
}

/** The error, as if it had been thrown in this process. */
const errorFrom = ({ name, message, code, stack }: WorkerError): Error => {
  const error = new Error(message);
  Object.assign(error, { name, ...(code !== undefined && { code }), ...(stack !== undefined && { stack }) });
  return error;
};

const errorLine = /^(?:\w*Error|Uncaught)\b/;

/** The line of the last output that says most about the end of the process. */
const lastError = (lines: readonly string[]): string | undefined => lines.findLast((line) => errorLine.test(line));

const keptLines = 50;
/** How long the output of a process that has ended is read. */
const outputMs = 500;

/** Reads the output of a process line by line. Returns its last lines, oldest first. */
const readOutput = (child: ChildProcess, onOutput: (line: string) => void): readonly string[] => {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      onOutput(line);
    });
  }
  return lines;
};

const reasonOf = (code: number | null, signal: NodeJS.Signals | null, lines: readonly string[]): string => {
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  const error = lastError(lines);
  return `its process ended ${how}${error === undefined ? "" : `: ${error}`}`;
};

/** Ends the process, and all that its module has started. */
const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // the group has ended
  }
};

/** What is known of a process. */
interface RunningWorker {
  readonly child: ChildProcess;
  /** The tasks that have no answer yet, by number. */
  readonly questions: Map<number, Question>;
  lastId: number;
  isAlive: boolean;
}

/** Takes a question that is answered now. */
const take = ({ questions }: RunningWorker, id: number): Question | undefined => {
  const question = questions.get(id);
  questions.delete(id);
  question?.release();
  return question;
};

const hear = (worker: RunningWorker, message: FromWorker, { onReports }: WorkerCommand): void => {
  if (message.type === "reports") onReports(message.reports);
  else if (message.type === "progress") worker.questions.get(message.id)?.onProgress?.(message.progress);
  else if (message.type === "answer") take(worker, message.id)?.resolve(message.value);
  else take(worker, message.id)?.reject(errorFrom(message.error));
};

/** Resolves with the reason when the process has exited. Rejects when it cannot be started. */
const exited = async (child: ChildProcess, lines: readonly string[]): Promise<string> => {
  const [code, signal] = await once(child, "exit");
  killGroup(child);
  // `close` follows when the output is read to its end, so that the reason has the error's line.
  const closed = once(child, "close").then(() => undefined);
  await within(outputMs, closed, () => new Error("the output does not end")).catch(() => undefined);
  return reasonOf(code, signal, lines);
};

const notStarted = async (child: ChildProcess): Promise<string> => {
  const [error] = await once(child, "error");
  return `its process cannot be started: ${(error as Error).message}`;
};

/** Resolves with the reason when the process has ended, and its questions are rejected. */
const endOf = async (worker: RunningWorker, lines: readonly string[]): Promise<string> => {
  const reason = await Promise.any([exited(worker.child, lines), notStarted(worker.child)]);
  worker.isAlive = false;
  for (const id of [...worker.questions.keys()]) take(worker, id)?.reject(new WorkerEndedError(reason));
  return reason;
};

const send = ({ child }: RunningWorker, message: ToWorker): void => {
  if (child.connected) child.send(message, () => undefined);
};

const ask = async (
  worker: RunningWorker,
  task: WorkerTask,
  input: unknown,
  options: AskOptions = {},
): Promise<unknown> => {
  if (!worker.isAlive) throw new WorkerEndedError("its process has ended");
  worker.lastId += 1;
  const id = worker.lastId;
  return new Promise((resolve, reject) => {
    const release = onAbort(options.signal, () => send(worker, { type: "abort", id }));
    worker.questions.set(id, { ...options, resolve, reject, release });
    send(worker, { type: "ask", id, task, input });
  });
};

/** The process is the leader of its own process group, so that Ctrl-C on a terminal reaches the command only. */
const forkProgram = ({ program, env }: WorkerCommand): ChildProcess =>
  fork(program, [], {
    env: { ...env } as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
    execArgv: ["--enable-source-maps"],
  });

/** Starts a process. The command ends it: Ctrl-C on a terminal does not reach it. */
export const startWorker = (command: WorkerCommand): WorkerProcess => {
  const child = forkProgram(command);
  const lines = readOutput(child, command.onOutput);
  const worker: RunningWorker = { child, questions: new Map(), lastId: 0, isAlive: true };
  child.on("message", (message: FromWorker) => hear(worker, message, command));
  const ended = endOf(worker, lines);
  return {
    pid: child.pid,
    ask: (task, input, options) => ask(worker, task, input, options),
    isAlive: () => worker.isAlive,
    ended,
    kill: async () => {
      killGroup(child);
      await ended;
    },
  };
};
