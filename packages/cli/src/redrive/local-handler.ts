// Runs the pipeline's handler on this machine, in a worker thread.

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
  /** Path of a module, a `#`, and the name of the module's export: `./dist/handler.js#orders`. */
  readonly handler: string;
  /** Profile and region of the command. The handler's AWS clients use them, too. */
  readonly aws: AwsOptions;
  /** Called with each text that the handler writes to standard output or standard error. */
  readonly onOutput: (text: string) => void;
}

const handlerAt = (path: string): LocalHandler => {
  const [file = "", exportName = "handler"] = path.split("#");
  return { url: pathToFileURL(resolve(file)).href, exportName };
};

/** Environment of the handler. By default, the handler logs only warnings, as the command reports all successes. */
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

/** Matches the end of Node's error message, which names a file of this command. The user does not know this file. */
const importedFrom = / imported from .*/;

/** Checks the worker's first message. @throws {CommandError} when the worker could not load the handler */
const checkReady = (message: WorkerMessage, handler: string): void => {
  if (message.kind !== "unusable") return;
  const [line = ""] = message.reason.replace(importedFrom, "").split("\n");
  const cause = Object.assign(new Error(message.reason), { stack: message.stack });
  throw new CommandError(`the handler ${handler} cannot be loaded: ${line}`, { cause });
};

/** Resolves when the worker has ended, for example after an uncaught error of the handler. The result is the reason. */
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
  // If the worker's last message and its exit arrive together, the message is used, because `next` is listed first.
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
 * Loads the handler, and creates an invoker for it. If the worker has crashed, the next call starts a new worker.
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
