// One module that runs: its graph, its process, its table, queues and mappings.

import { messageOf } from "../dev-error.ts";
import type { DevCall, DevPipeline } from "../dev-run.ts";
import { enginesFor } from "../engines/needs.ts";
import { type ModuleGraph, readGraph } from "../graph/graph.ts";
import { watchFiles } from "../graph/watch.ts";
import { createSupervisor, type SupervisorState } from "../process/supervisor.ts";
import { startWorker, type WorkerProcess } from "../process/worker-process.ts";
import type { SourceTable } from "../table/table.ts";
import type { DevQueue, LoadedModule, TableKeyAttribute } from "../worker/messages.ts";
import type { ReportBatch } from "../worker/reports.ts";
import { baseOf, environmentsOf, type NamedQueue } from "./module-environment.ts";
import { place } from "./module-place.ts";
import { type ModuleRunOptions, type ModuleState, namedQueues, pipelineName, queuesOf, say } from "./module-state.ts";

/** A module that runs. */
export interface ModuleRun {
  readonly about: () => DevPipeline;
  readonly queues: () => readonly DevQueue[];
  /** The queues that are targets of the pipeline, or get the messages of its topics. */
  readonly targetQueues: () => readonly NamedQueue[];
  readonly table: () => SourceTable | undefined;
  /** Loads the module. Resolves when it runs, or is broken. */
  readonly start: (graph: ModuleGraph) => Promise<void>;
  readonly call: (method: string, input: unknown, call: DevCall) => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

const sayUnset = (state: ModuleState): void => {
  const names = state.environment?.unset ?? [];
  if (names.length === 0 || names.join() === state.saidUnset) return;
  state.saidUnset = names.join();
  const verb = names.length === 1 ? "is" : "are";
  say(state, `reads ${names.join(", ")}, which ${verb} not set: --env ${names[0]}=…`);
};

const startProcess = (state: ModuleState): WorkerProcess =>
  startWorker({
    program: state.program,
    env: state.environment?.variables ?? {},
    onOutput: (line) => state.onLine(`${pipelineName(state)} | ${line}`),
    onReports: (batch) => state.onReports({ pipeline: pipelineName(state), ...(batch as ReportBatch) }),
  });

const onState = (state: ModuleState, next: SupervisorState, found: LoadedModule | undefined): void => {
  const isNew = next.reason !== undefined && next.reason !== state.supervised.reason;
  state.supervised = next;
  state.loaded = found ?? state.loaded;
  if (isNew) say(state, `${next.status}: ${next.reason}`);
  state.onChange();
};

/** Watches the files of the module. A missing one may be anywhere, so that the files before are watched, too. */
const watchGraph = (state: ModuleState, { files, problem }: ModuleGraph): void => {
  state.files = problem === undefined ? files : [...state.files, ...files];
  state.watcher.watch(state.files, problem === undefined ? "all" : "some");
};

const load = async (state: ModuleState, graph: ModuleGraph): Promise<void> => {
  const mine = state.changes;
  watchGraph(state, graph);
  const isKnown = graph.problem === state.problem;
  state.problem = graph.problem;
  if (graph.problem !== undefined) {
    if (!isKnown) state.supervisor.markBroken(graph.problem);
    return;
  }
  state.started = await state.engines(enginesFor([graph]));
  const next = await state.environmentFor(graph, state.started);
  if (mine !== state.changes) return;
  state.environment = next;
  sayUnset(state);
  await state.supervisor.reload();
};

const reload = async (state: ModuleState): Promise<void> => {
  state.changes += 1;
  const mine = state.changes;
  const startedAt = Date.now();
  const graph = await readGraph(state.module);
  if (state.isStopped || mine !== state.changes) return;
  await load(state, graph);
  if (state.supervised.status === "running" && mine === state.changes)
    say(state, `loaded again after a change, in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
};

const attributesOf = ({ source }: ModuleState): readonly TableKeyAttribute[] =>
  (source?.key ?? []).flatMap((attribute) => (attribute ? [attribute] : []));

const about = (state: ModuleState): DevPipeline => ({
  module: state.module,
  name: pipelineName(state),
  table: state.source?.name ?? state.table ?? state.base,
  keyNames: attributesOf(state).map(({ name }) => name),
  keyTypes: Object.fromEntries(attributesOf(state).map(({ name, type }) => [name, type])),
  routes: state.loaded?.routes ?? [],
  environment: state.environment?.provided ?? {},
  ...state.supervised,
});

const stop = async (state: ModuleState): Promise<void> => {
  state.isStopped = true;
  state.watcher.stop();
  await state.supervisor.stop();
  await state.mappings?.stop();
};

const newState = (options: ModuleRunOptions): ModuleState => {
  const { module, functionTimeoutMs } = options;
  const base = baseOf(module);
  const state: ModuleState = {
    ...options,
    base,
    functionName: `${base}-local`,
    environmentFor: environmentsOf(options),
    supervisor: createSupervisor({
      module,
      functionTimeoutMs,
      startWorker: () => startProcess(state),
      place: (found) => place(state, found),
      onState: (next, found) => onState(state, next, found),
    }),
    watcher: watchFiles(() => {
      reload(state).catch((error: unknown) => state.supervisor.markBroken(messageOf(error)));
    }),
    supervised: { status: "starting", since: Date.now() },
    loaded: undefined,
    environment: undefined,
    started: undefined,
    source: undefined,
    mappings: undefined,
    failedBatches: undefined,
    files: [],
    saidUnset: "",
    problem: undefined,
    isStopped: false,
    changes: 0,
    placing: Promise.resolve(),
  };
  return state;
};

/** Creates the run of a module. Nothing is started yet. */
export const createModuleRun = (options: ModuleRunOptions): ModuleRun => {
  const state = newState(options);
  return {
    about: () => about(state),
    queues: () => queuesOf(state),
    targetQueues: () => namedQueues(state).filter(({ use }) => use === "target"),
    table: () => state.source,
    start: (graph) => load(state, graph),
    call: (method, input, call) => state.supervisor.call(method, input, call),
    stop: () => stop(state),
  };
};
