// The process that has a user's module: it delivers events to the pipeline, and answers calls of methods.

import type { Pipeline, PipelineHandler } from "@sluice/core";
import type {
  FromWorker,
  InvokeInput,
  LoadedModule,
  ToWorker,
  WorkerError,
  WorkerPlace,
  WorkerTask,
} from "./messages.ts";
import { watchParent } from "./parent-watch.ts";
import { ensureAll } from "./prepare.ts";
import { type KeyMemory, sendReports } from "./reports.ts";

/** What a method gets besides its input. */
export interface MethodCall {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: unknown) => void;
}

/** Methods by name. Input and result are plain JSON. */
export type WorkerMethods = { readonly [name: string]: (input: never, call: MethodCall) => Promise<unknown> };

/** A user's module, as the program loads it. */
export interface UserModule {
  readonly pipeline: Pipeline<unknown>;
  readonly exports: { readonly [name: string]: unknown };
}

/** What the program of the process gives. */
export interface WorkerProgram<Module extends UserModule> {
  /** Loads the module at a path such as `orders.ts#orders`. */
  readonly load: (path: string) => Promise<Module>;
  readonly methods: (module: Module, place: WorkerPlace) => WorkerMethods;
}

interface Loaded<Module> {
  readonly module: Module;
  readonly handler: PipelineHandler;
}

const errorOf = (error: unknown): WorkerError => {
  const { name, message, stack, code }: NodeJS.ErrnoException =
    error instanceof Error ? error : new Error(String(error));
  return { name, message, ...(typeof code === "string" && { code }), ...(stack !== undefined && { stack }) };
};

const post = (message: FromWorker): void => {
  // The command has ended if the channel is closed; this process then ends, too.
  if (process.connected) process.send?.(message, () => undefined);
};

const describe = ({ pipeline }: UserModule): LoadedModule => ({
  name: pipeline.name,
  tables: pipeline.tables,
  routes: pipeline.routes.map(({ name, sink }) => ({
    name,
    sink: sink.name,
    writes: sink.supports.writes,
    isReadable: sink.read !== undefined,
  })),
});

const contextOf = ({ requestId, functionName, deadline }: InvokeInput) => ({
  awsRequestId: requestId,
  functionName,
  functionVersion: "$LATEST",
  memoryLimitInMB: "512",
  getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
});

/** What the process knows. */
interface Serving<Module extends UserModule> {
  readonly program: WorkerProgram<Module>;
  readonly memory: KeyMemory;
  /** Undefined until the module is loaded. */
  loaded: Loaded<Module> | undefined;
  /** None until the module is prepared. */
  methods: WorkerMethods;
}

const current = <Module extends UserModule>({ loaded }: Serving<Module>): Loaded<Module> => {
  if (loaded === undefined) throw new Error("the module is not loaded");
  return loaded;
};

/** The module, whose handlers remember the keys of what they deliver: events of the stream, and those of redrives and backfills. */
const remembering = <Module extends UserModule>(module: Module, memory: KeyMemory): Module => {
  const handler = (): PipelineHandler => {
    const deliver = module.pipeline.handler();
    return async (event, context) => {
      memory.remember(event);
      try {
        return await deliver(event, context);
      } finally {
        memory.forget(event);
      }
    };
  };
  return { ...module, pipeline: { ...module.pipeline, handler } };
};

const load = async <Module extends UserModule>(serving: Serving<Module>, path: string): Promise<LoadedModule> => {
  const module = remembering(await serving.program.load(path), serving.memory);
  serving.loaded = { module, handler: module.pipeline.handler() };
  return describe(module);
};

const prepare = async <Module extends UserModule>(serving: Serving<Module>, place: WorkerPlace): Promise<void> => {
  const { module } = current(serving);
  const sinks = module.pipeline.routes.map(({ sink }) => sink);
  await ensureAll(sinks, Object.values(module.exports), place.key);
  serving.methods = serving.program.methods(module, place);
};

const invoke = async <Module extends UserModule>(serving: Serving<Module>, input: InvokeInput): Promise<unknown> =>
  current(serving).handler(input.event, contextOf(input));

/** A method, and its input. */
interface MethodQuestion {
  readonly method: string;
  readonly input: unknown;
}

const callMethod = async (methods: WorkerMethods, { method, input }: MethodQuestion, how: MethodCall) => {
  const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (found === undefined) throw new Error(`there is no method ${method}`);
  return found(input as never, how);
};

type Tasks = { readonly [task in WorkerTask]: (input: never, how: MethodCall) => Promise<unknown> };

const tasksOf = <Module extends UserModule>(serving: Serving<Module>): Tasks => ({
  load: (path: string) => load(serving, path),
  prepare: (place: WorkerPlace) => prepare(serving, place),
  invoke: (input: InvokeInput) => invoke(serving, input),
  call: (question: MethodQuestion, how) => callMethod(serving.methods, question, how),
  flush: async () => serving.memory.flush(),
});

type Ask = Extract<ToWorker, { type: "ask" }>;

/** Does a task, and sends its answer. `running` has the tasks without an answer, by number. */
const answer = async (tasks: Tasks, running: Map<number, AbortController>, { id, task, input }: Ask): Promise<void> => {
  const controller = new AbortController();
  running.set(id, controller);
  const onProgress = (progress: unknown): void => post({ type: "progress", id, progress });
  try {
    const value = (await tasks[task](input as never, { signal: controller.signal, onProgress })) ?? null;
    post({ type: "answer", id, value });
  } catch (error) {
    post({ type: "error", id, error: errorOf(error) });
  } finally {
    running.delete(id);
  }
};

/**
 * Serves the process that started this one, until that process ends. Call it once, first of all.
 * @example
 * serveWorker({ load: loadPipeline, methods: () => ({}) });
 */
export const serveWorker = <Module extends UserModule>(program: WorkerProgram<Module>): void => {
  watchParent();
  const memory = sendReports((reports) => post({ type: "reports", reports }));
  const running = new Map<number, AbortController>();
  const tasks = tasksOf({ program, memory, loaded: undefined, methods: {} });
  process.on("message", (message: ToWorker) => {
    if (message.type === "ask") void answer(tasks, running, message);
    else running.get(message.id)?.abort();
  });
  process.on("disconnect", () => process.exit());
};
