// The worker thread of `--to local`, in which the handler runs. The handler may block, crash or write to standard
// output there. The command is not affected, and keeps messages hidden meanwhile.

import { parentPort, workerData } from "node:worker_threads";

/** Data that the worker is started with. */
export interface LocalHandler {
  /** URL of the module. */
  readonly url: string;
  readonly exportName: string;
}

/** A message of the worker: first whether the handler could be loaded, then the handler's answer for each event. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly reason: string; readonly stack: string }
  | { readonly kind: "answer"; readonly answer: string }
  | { readonly kind: "failure"; readonly name: string; readonly message: string };

type Handler = (event: unknown, context: unknown) => unknown;

/** Milliseconds of Lambda's longest invocation. A local invocation has no timeout, but the handler expects one. */
const maxInvocationMs = 900_000;

let invocations = 0;

const newContext = () => {
  invocations += 1;
  const endsAt = Date.now() + maxInvocationMs;
  return {
    awsRequestId: `sluice-redrive-${invocations}`,
    functionName: "sluice-redrive",
    functionVersion: "$LATEST",
    getRemainingTimeInMillis: () => Math.max(0, endsAt - Date.now()),
  };
};

const post = (message: WorkerMessage): void => parentPort?.postMessage(message);

const handlerIn = async ({ url, exportName }: LocalHandler): Promise<Handler> => {
  const module = (await import(url)) as Readonly<Record<string, unknown>>;
  const found = module[exportName];
  if (typeof found === "function") return found as Handler;
  const functions = Object.keys(module).filter((name) => typeof module[name] === "function");
  const others = functions.length === 0 ? "" : `, but ${functions.join(", ")}`;
  throw new Error(`it exports no function ${exportName}${others}; expected the name of an exported function after a #`);
};

const answerOf = async (handler: Handler, event: unknown): Promise<WorkerMessage> => {
  try {
    // Lambda encodes answers as JSON, too.
    return { kind: "answer", answer: JSON.stringify(await handler(event, newContext())) ?? "null" };
  } catch (error) {
    const { name = "Error", message = "" } = (error ?? {}) as Partial<Error>;
    return { kind: "failure", name, message };
  }
};

/** Resolves when the command has received the output. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write("", () => resolve());
  });

/** Calls the handler. Sends its answer only after its output, so that no output follows the command's result. */
const answerEvent = async (handler: Handler, event: unknown): Promise<void> => {
  const answer = await answerOf(handler, event);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  post(answer);
};

try {
  const handler = await handlerIn(workerData as LocalHandler);
  parentPort?.on("message", (event: unknown) => void answerEvent(handler, event));
  post({ kind: "ready" });
} catch (error) {
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  post({ kind: "unusable", reason: message, stack });
}
