// Calls a handler on this machine, in a worker thread.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { FunctionFailedError, functionFailed } from "@sluice/redrive";
import type { AwsOptions } from "../aws/clients.ts";
import { CommandError } from "../command-line/command-error.ts";
import type { Invoker } from "./invoker.ts";
import type { LocalHandler, WorkerMessage } from "./local-worker.ts";

/** Options of a local handler. */
export interface LocalHandlerOptions {
  /** Path of the module, and after a `#` the name of its export: `./dist/handler.js#orders`. */
  readonly handler: string;
  /** Options for the handler's clients, too. */
  readonly aws: AwsOptions;
  /** Called with the text that the handler writes to its standard output and error. */
  readonly onOutput: (text: string) => void;
}

const handlerAt = (path: string): LocalHandler => {
  const [file = "", exportName = "handler"] = path.split("#");
  return { url: pathToFileURL(resolve(file)).href, exportName };
};

/** By default the handler logs only warnings, because the command itself reports the successful messages. */
const environmentOf = ({ profile, region }: AwsOptions): NodeJS.ProcessEnv => ({
  POWERTOOLS_LOG_LEVEL: "WARN",
  ...process.env,
  ...(profile !== undefined && { AWS_PROFILE: profile }),
  ...(region !== undefined && { AWS_REGION: region }),
});

const startWorker = ({ handler, aws, onOutput }: LocalHandlerOptions): Worker => {
  const worker = new Worker(new URL("./local-worker.js", import.meta.url), {
    workerData: handlerAt(handler),
    env: environmentOf(aws),
    stdout: true,
    stderr: true,
  });
  for (const stream of [worker.stdout, worker.stderr]) stream.on("data", (part: Buffer) => onOutput(part.toString()));
  return worker;
};

/** The part of Node's message that names a module of this command. It does not help the user. */
const importedFrom = / imported from .*/;

/** Checks the worker's first message. @throws {CommandError} when the module has no such handler */
const checkReady = (message: WorkerMessage, handler: string): void => {
  if (message.kind !== "unusable") return;
  const [line = ""] = message.reason.replace(importedFrom, "").split("\n");
  const cause = Object.assign(new Error(message.reason), { stack: message.stack });
  throw new CommandError(`the handler ${handler} cannot be loaded: ${line}`, { cause });
};

/** Resolves with the reason when the worker has ended, for example after an uncaught error of the handler. */
const deathOf = (worker: Worker): Promise<FunctionFailedError> =>
  new Promise((resolve) => {
    worker.once("error", ({ name, message }: Error) =>
      resolve(new FunctionFailedError(`its process ended: ${functionFailed(name, message).message}`, name)),
    );
    worker.once("exit", (code) =>
      resolve(new FunctionFailedError(`its process ended with exit code ${code}`, "Runtime.ExitError")),
    );
  });

const answerIn = (message: WorkerMessage): unknown => {
  if (message.kind === "answer") return JSON.parse(message.answer);
  if (message.kind === "failure") throw functionFailed(message.name, message.message);
  throw new FunctionFailedError("it did not answer", "Runtime.ExitError");
};

/** Starts a worker, and loads the handler in it. */
const readyWorker = async (options: LocalHandlerOptions) => {
  const worker = startWorker(options);
  let isDead = false;
  const death = deathOf(worker).then((error) => {
    isDead = true;
    return error;
  });
  // A worker's last message and its exit may arrive in the same tick. Then the message must win the race.
  const nextMessage = async (): Promise<WorkerMessage> => {
    const next = new Promise<WorkerMessage>((resolve) => worker.once("message", resolve));
    const message = await Promise.race([next, death]);
    if (message instanceof FunctionFailedError) throw message;
    return message;
  };
  checkReady(await nextMessage(), options.handler);
  return {
    isDead: () => isDead,
    call: async (event: unknown): Promise<unknown> => {
      const answered = nextMessage();
      worker.postMessage(event);
      return answerIn(await answered);
    },
    close: async () => void (await worker.terminate()),
  };
};

/**
 * Loads the handler, and calls it with one event at a time. After a crash the next call loads it again, as Lambda does.
 * @throws {CommandError} when the handler cannot be loaded
 */
export const localInvoker = async (options: LocalHandlerOptions): Promise<Invoker> => {
  let worker = await readyWorker(options);
  return {
    invoke: async (event) => {
      if (worker.isDead()) worker = await readyWorker(options);
      return worker.call(event);
    },
    close: () => worker.close(),
  };
};
