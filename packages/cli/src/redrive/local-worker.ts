// The worker thread of `--to local`. The handler runs in this thread, because it may block or crash. Meanwhile, the
// command in the main thread keeps the messages hidden.

import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { localContexts } from "../pipeline-command/local-context.ts";
import { importFile, isPipeline } from "../pipeline-module/pipeline-module.ts";

/** Data that the worker gets when it starts. */
export interface LocalHandler {
  /** URL of the module. */
  readonly url: string;
  readonly exportName: string;
}

/** A message from the worker. The first message says whether the handler was loaded. Later messages are answers. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly reason: string; readonly stack: string }
  | { readonly kind: "answer"; readonly answer: string }
  | { readonly kind: "failure"; readonly name: string; readonly message: string };

type Handler = (event: unknown, context: unknown) => unknown;

/** Remaining time in the handler's context: Lambda's longest timeout in milliseconds. A local call has no timeout. */
const maxInvocationMs = 900_000;

const newContext = localContexts("sluice-redrive", maxInvocationMs);

const post = (message: WorkerMessage): void => parentPort?.postMessage(message);

const handlerIn = async ({ url, exportName }: LocalHandler): Promise<Handler> => {
  const module = await importFile(fileURLToPath(url));
  const found = module[exportName];
  if (typeof found === "function") return found as Handler;
  if (isPipeline(found)) return found.handler() as unknown as Handler;
  const functions = Object.keys(module).filter((name) => typeof module[name] === "function");
  const others = functions.length === 0 ? "" : `, but ${functions.join(", ")}`;
  throw new Error(`it exports no function ${exportName}${others}; expected the name of an exported function after a #`);
};

const answerOf = async (handler: Handler, event: unknown): Promise<WorkerMessage> => {
  try {
    // The answer is encoded as JSON, because Lambda does the same.
    return {
      kind: "answer",
      answer:
        JSON.stringify(
          await handler(event, { ...newContext(), functionName: "sluice-redrive", functionVersion: "$LATEST" }),
        ) ?? "null",
    };
  } catch (error) {
    const { name = "Error", message = "" } = (error ?? {}) as Partial<Error>;
    return { kind: "failure", name, message };
  }
};

/** Resolves when everything that was written to the stream has reached the main thread. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write("", () => resolve());
  });

/** Calls the handler. Posts the answer after the handler's output, so that the command shows the output first. */
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
