// Calls the handler of a module on this machine, in a worker.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { AwsOptions } from "../aws/clients.ts";
import { CommandError } from "../command-line/command-error.ts";
import { FunctionFailedError, failureText, type Invoker } from "./invoker.ts";
import type { LocalHandler, WorkerMessage } from "./local-worker.ts";

export interface LocalInvokerOptions {
  /** Path of the module, and behind a `#` the name of the export: `./dist/handler.js#orders`. */
  readonly handler: string;
  /** The handler's own clients are to use them too. */
  readonly aws: AwsOptions;
  /** Is told what the handler writes to its standard output and error. */
  readonly onOutput: (text: string) => void;
}

const handlerAt = (path: string): LocalHandler => {
  const [file = "", exportName = "handler"] = path.split("#");
  return { url: pathToFileURL(resolve(file)).href, exportName };
};

/** What the handler's logger tells of a batch that went well, the command tells anyway. */
const environmentOf = ({ profile, region }: AwsOptions): NodeJS.ProcessEnv => ({
  POWERTOOLS_LOG_LEVEL: "WARN",
  ...process.env,
  ...(profile !== undefined && { AWS_PROFILE: profile }),
  ...(region !== undefined && { AWS_REGION: region }),
});

const startWorker = ({ handler, aws, onOutput }: LocalInvokerOptions): Worker => {
  const worker = new Worker(new URL("./local-worker.js", import.meta.url), {
    workerData: handlerAt(handler),
    env: environmentOf(aws),
    stdout: true,
    stderr: true,
  });
  for (const stream of [worker.stdout, worker.stderr]) stream.on("data", (part: Buffer) => onOutput(part.toString()));
  return worker;
};

/** Where Node names the importing module, it is a module of ours, which helps nobody. */
const importedFrom = / imported from .*/;

/** @throws {CommandError} when the module has no such handler */
const checkReady = (message: WorkerMessage, handler: string): void => {
  if (message.kind !== "unusable") return;
  const [line = ""] = message.reason.replace(importedFrom, "").split("\n");
  const cause = Object.assign(new Error(message.reason), { stack: message.stack });
  throw new CommandError(`the handler ${handler} cannot be loaded: ${line}`, { cause });
};

/** A worker whose handler is loaded. */
interface ReadyWorker {
  readonly call: (event: unknown) => Promise<unknown>;
  readonly isDead: () => boolean;
  readonly close: () => Promise<void>;
}

/** Why a worker has ended. It may have thrown what nobody caught. */
const deathOf = (worker: Worker): Promise<FunctionFailedError> =>
  new Promise((resolve) => {
    worker.once("error", ({ name, message }: Error) =>
      resolve(new FunctionFailedError(`its process ended: ${failureText(name, message)}`)),
    );
    worker.once("exit", (code) => resolve(new FunctionFailedError(`its process ended with exit code ${code}`)));
  });

const answerIn = (message: WorkerMessage): unknown => {
  if (message.kind === "answer") return JSON.parse(message.answer);
  throw new FunctionFailedError(
    message.kind === "failure" ? failureText(message.name, message.message) : "it did not answer",
  );
};

const readyWorker = async (options: LocalInvokerOptions): Promise<ReadyWorker> => {
  const worker = startWorker(options);
  let isDead = false;
  const death = deathOf(worker).then((error) => {
    isDead = true;
    return error;
  });
  // A worker's last message and its exit come in one turn: what is said must not wait for a turn longer.
  const nextMessage = async (): Promise<WorkerMessage> => {
    const said = new Promise<WorkerMessage>((resolve) => worker.once("message", resolve));
    const message = await Promise.race([said, death]);
    if (message instanceof FunctionFailedError) throw message;
    return message;
  };
  checkReady(await nextMessage(), options.handler);
  return {
    isDead: () => isDead,
    call: async (event) => {
      const answered = nextMessage();
      worker.postMessage(event);
      return answerIn(await answered);
    },
    close: async () => {
      await worker.terminate();
    },
  };
};

/**
 * Loads the handler, and calls it with one event at a time. Should it die, the next call loads it again, as Lambda does.
 * @throws {CommandError} when it cannot be loaded
 */
export const localInvoker = async (options: LocalInvokerOptions): Promise<Invoker> => {
  let worker = await readyWorker(options);
  return {
    invoke: async (event) => {
      if (worker.isDead()) worker = await readyWorker(options);
      return worker.call(event);
    },
    close: () => worker.close(),
  };
};
