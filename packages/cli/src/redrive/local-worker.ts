// The handler's side of `--to local`: a thread of its own, so that what the handler does (block, crash, write to standard
// output) does not reach the command, which holds messages meanwhile.

import { parentPort, workerData } from "node:worker_threads";

/** What the worker is started with. */
export interface LocalHandler {
  /** URL of the module. */
  readonly url: string;
  readonly exportName: string;
}

/** What the worker says: that it is ready or why not, and then what became of each event that it gets. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly reason: string; readonly stack: string }
  | { readonly kind: "answer"; readonly answer: string }
  | { readonly kind: "failure"; readonly name: string; readonly message: string };

type Handler = (event: unknown, context: unknown) => unknown;

/** Lambda's longest invocation: a local one has no end, but the handler plans with one. */
const longestInvocationMs = 900_000;

let invocations = 0;

const newContext = () => {
  invocations += 1;
  const endsAt = Date.now() + longestInvocationMs;
  return {
    awsRequestId: `sluice-redrive-${invocations}`,
    functionName: "sluice-redrive",
    functionVersion: "$LATEST",
    getRemainingTimeInMillis: () => Math.max(0, endsAt - Date.now()),
  };
};

const say = (message: WorkerMessage): void => parentPort?.postMessage(message);

const handlerIn = async ({ url, exportName }: LocalHandler): Promise<Handler> => {
  const module = (await import(url)) as Readonly<Record<string, unknown>>;
  const found = module[exportName];
  if (typeof found === "function") return found as Handler;
  const functions = Object.keys(module).filter((name) => typeof module[name] === "function");
  const others = functions.length === 0 ? "nor any other" : `but ${functions.join(", ")}`;
  throw new Error(`it exports no function ${exportName}, ${others}; expected the name of one behind a #`);
};

const answerOf = async (handler: Handler, event: unknown): Promise<WorkerMessage> => {
  try {
    // As Lambda does: what comes back is JSON.
    return { kind: "answer", answer: JSON.stringify(await handler(event, newContext())) ?? "null" };
  } catch (error) {
    const { name = "Error", message = "" } = (error ?? {}) as Partial<Error>;
    return { kind: "failure", name, message };
  }
};

/** Resolves when the command has all that was written. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write("", () => resolve());
  });

/** What the handler wrote goes before its answer, else it would stand behind the command's result. */
const answerEvent = async (handler: Handler, event: unknown): Promise<void> => {
  const answer = await answerOf(handler, event);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  say(answer);
};

try {
  const handler = await handlerIn(workerData as LocalHandler);
  parentPort?.on("message", (event: unknown) => void answerEvent(handler, event));
  say({ kind: "ready" });
} catch (error) {
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  say({ kind: "unusable", reason: message, stack });
}
