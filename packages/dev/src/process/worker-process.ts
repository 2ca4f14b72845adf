// A process that has a user's module, seen from the command.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { FromWorker, ToWorker, WorkerError, WorkerTask } from "../worker/messages.ts";

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

/**
 * Starts a process. It is the leader of its own process group, so that Ctrl-C on a terminal reaches the command only, which
 * then ends the process.
 */
export const startWorker = ({ program, env, onOutput, onReports }: WorkerCommand): WorkerProcess => {
  const child = fork(program, [], {
    env: { ...env } as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
    execArgv: ["--enable-source-maps"],
  });
  const lines = readOutput(child, onOutput);
  const questions = new Map<number, Question>();
  let lastId = 0;
  let isAlive = true;

  const settle = (id: number, how: (question: Question) => void): void => {
    const question = questions.get(id);
    questions.delete(id);
    if (question !== undefined) how(question);
  };
  child.on("message", (message: FromWorker) => {
    if (message.type === "reports") onReports(message.reports);
    else if (message.type === "progress") questions.get(message.id)?.onProgress?.(message.progress);
    else if (message.type === "answer") settle(message.id, ({ resolve }) => resolve(message.value));
    else settle(message.id, ({ reject }) => reject(errorFrom(message.error)));
  });
  // `close` follows `exit` when the output is read to its end, so that the reason has the error's line.
  const ended = Promise.race([
    once(child, "close").then(([code, signal]) => reasonOf(code, signal, lines)),
    once(child, "error").then(([error]) => `its process cannot be started: ${(error as Error).message}`),
  ]).then((reason) => {
    isAlive = false;
    for (const id of [...questions.keys()]) settle(id, ({ reject }) => reject(new WorkerEndedError(reason)));
    return reason;
  });
  const send = (message: ToWorker): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  const ask = (task: WorkerTask, input: unknown, options: AskOptions = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (!isAlive) {
        reject(new WorkerEndedError("its process has ended"));
        return;
      }
      lastId += 1;
      const id = lastId;
      questions.set(id, { ...options, resolve, reject });
      send({ type: "ask", id, task, input });
      options.signal?.addEventListener("abort", () => send({ type: "abort", id }), { once: true });
    });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return { pid: child.pid, ask, isAlive: () => isAlive, ended, kill };
};
