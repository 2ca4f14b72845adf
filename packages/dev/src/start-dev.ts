// Starts engines and pipelines.

import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { type Image, untilAborted } from "@sluice/core/sink-kit";
import { DevError } from "./dev-error.ts";
import type { DevEngine, DevOptions, DevReports, DevRun } from "./dev-run.ts";
import { describeEngines } from "./engines/engine-lines.ts";
import { type DevEngines, type EngineStarter, engineStarter } from "./engines/engines.ts";
import { enginesFor } from "./engines/needs.ts";
import { readEnvFile, type Variables } from "./environment/env-file.ts";
import { type ModuleGraph, readGraph } from "./graph/graph.ts";
import type { GivenVariables } from "./run/module-environment.ts";
import { createModuleRun, type ModuleRun } from "./run/module-run.ts";
import { keyOfSeed } from "./seed/key-of-seed.ts";
import { readSeed } from "./seed/read-seed.ts";
import { writeSeed } from "./seed/write-seed.ts";
import { depthOf } from "./table/queues.ts";
import { keyText, type SourceTable } from "./table/table.ts";
import type { DevQueue } from "./worker/messages.ts";

const defaultTimeoutMs = 30_000;

const checkModules = async (modules: readonly string[]): Promise<void> => {
  for (const module of modules) {
    const file = module.split("#")[0] ?? "";
    await access(resolve(file)).catch((cause: unknown) => {
      throw new DevError(`there is no file ${file}; expected the module that exports the pipeline`, { cause });
    });
  }
};

const givenVariables = async ({ envFiles = [], env = {} }: DevOptions): Promise<GivenVariables> => {
  const files = await Promise.all(envFiles.map(readEnvFile));
  const own: Variables = Object.assign({}, ...files, env);
  return { inherited: process.env, own };
};

/** An item of a table, as an example: `{"id":{"S":"1"}}`. */
const exampleOf = ({ key }: SourceTable): string =>
  JSON.stringify(Object.fromEntries(key.flatMap((one) => (one ? [[one.name, { [one.type]: "1" }]] : []))));

/** Listeners that are called with a value. */
interface Listeners<Value> {
  /** Returns a function that removes the listener. */
  readonly add: (listener: (value: Value) => void) => () => void;
  readonly call: (value: Value) => void;
}

const listeners = <Value>(): Listeners<Value> => {
  const all = new Set<(value: Value) => void>();
  return {
    add: (listener) => {
      all.add(listener);
      return () => all.delete(listener);
    },
    call: (value) => {
      for (const listener of all) listener(value);
    },
  };
};

/** Rejects when the signal aborts. */
const unlessAborted = <Value>(signal: AbortSignal | undefined, work: Promise<Value>): Promise<Value> =>
  signal === undefined ? work : untilAborted(work, signal, () => signal.reason as Error);

/** A run that starts, or has started. */
interface RunState {
  readonly options: DevOptions;
  readonly given: GivenVariables;
  readonly items: readonly Image[];
  readonly starter: EngineStarter;
  readonly changed: Listeners<void>;
  readonly reported: Listeners<DevReports>;
  /** What ends the run, in reverse order. */
  readonly closing: (() => Promise<void> | void)[];
}

/** A run whose engines have started. */
interface StartedRun extends RunState {
  /** Those of all modules. */
  engines: DevEngines;
  readonly dynamodb: DynamoDB;
  readonly sqs: SQS;
  modules: readonly ModuleRun[];
}

const stop = async ({ closing }: RunState): Promise<void> => {
  for (const close of closing.splice(0).toReversed()) await close();
};

const newState = async (options: DevOptions): Promise<RunState> => {
  await checkModules(options.modules);
  const given = await givenVariables(options);
  const items = options.seed === undefined ? [] : await readSeed(options.seed);
  const starter = engineStarter({ ...(given.inherited as Variables), ...given.own });
  return { options, given, items, starter, changed: listeners(), reported: listeners(), closing: [starter.stop] };
};

const openRun = (state: RunState, engines: DevEngines): StartedRun => {
  const dynamodb = new DynamoDB(engines.dynamodb.clientConfig);
  const sqs = new SQS(engines.sqs.clientConfig);
  state.closing.push(() => {
    dynamodb.destroy();
    sqs.destroy();
  });
  return { ...state, engines, dynamodb, sqs, modules: [] };
};

const moduleRunOf = (run: StartedRun, module: string): ModuleRun => {
  const { options, given, items, dynamodb, sqs, starter, changed, reported } = run;
  return createModuleRun({
    module,
    program: options.worker,
    table: options.table,
    key: options.key,
    guessedKey: keyOfSeed(items),
    functionTimeoutMs: options.functionTimeoutMs ?? defaultTimeoutMs,
    given,
    dynamodb,
    sqs,
    engines: async (names) => {
      const started = await starter.start(names);
      run.engines = { ...run.engines, ...started };
      return run.engines;
    },
    directory: resolve(options.directory ?? ".sluice"),
    onLine: options.onLine,
    onChange: () => changed.call(),
    onReports: reported.call,
  });
};

/** The tables of the modules. A table of two modules is there once. */
const tablesOf = ({ modules }: StartedRun): readonly SourceTable[] => {
  const tables = modules.map((run) => run.table()).filter((table) => table !== undefined);
  return [...new Map(tables.map((table) => [table.name, table])).values()];
};

/** Resolves when there is a table: of a module that cannot be loaded, there is none until it is mended. */
const untilTable = (run: StartedRun): Promise<void> =>
  new Promise((resolve) => {
    if (tablesOf(run).length > 0) return resolve();
    const end = run.changed.add(() => {
      if (tablesOf(run).length === 0) return;
      end();
      resolve();
    });
  });

const queuesOf = ({ modules }: StartedRun): readonly DevQueue[] => modules.flatMap((run) => run.queues());

/** Dead letters first, then targets: the commands for them are what a user needs most. */
const describe = (run: StartedRun): readonly DevEngine[] => {
  const named = queuesOf(run).map(({ kind, name, url }) => ({ use: kind, name, url }));
  return describeEngines(run.engines, {
    tables: tablesOf(run).map((table) => ({ name: table.name, example: exampleOf(table) })),
    queues: [
      ...named.filter(({ use }) => use === "dead letters"),
      ...run.modules.flatMap((module) => module.targetQueues()),
      ...named.filter(({ use }) => use !== "dead letters"),
    ],
  });
};

const call = async ({ modules }: StartedRun, pipeline: string, ...question: Parameters<ModuleRun["call"]>) => {
  const found = modules.find((one) => one.about().name === pipeline);
  if (found === undefined) throw new DevError(`there is no pipeline ${pipeline}`);
  return found.call(...question);
};

/** The table for the seed. */
const tableForSeed = (run: StartedRun): SourceTable => {
  const [table, another] = tablesOf(run);
  if (table === undefined) throw new DevError("there is no table for the seed, because no module was loaded");
  if (another === undefined) return table;
  throw new DevError(`the seed could be for ${table.name} or ${another.name}; expected one table`);
};

const seed = async (run: StartedRun, onProgress: (done: number, total: number) => void): Promise<number> => {
  const { options, items, dynamodb } = run;
  if (items.length === 0) return 0;
  await untilTable(run);
  const table = tableForSeed(run);
  if (table.isNew && options.key === undefined)
    options.onLine(`the key of ${table.name} is ${keyText(table.key)}, as the seed has it; --key says another`);
  return writeSeed(dynamodb, table, items, onProgress);
};

const devRunOf = (run: StartedRun): DevRun => ({
  pipelines: () => run.modules.map((module) => module.about()),
  queues: () => queuesOf(run),
  depthOf: (url) => depthOf(run.sqs, url),
  engines: () => describe(run),
  onChange: run.changed.add,
  onReports: run.reported.add,
  call: (pipeline, method, input, how) => call(run, pipeline, method, input, how),
  seed: (onProgress) => seed(run, onProgress),
  stop: () => stop(run),
});

const start = async (state: RunState): Promise<DevRun> => {
  const graphs = await Promise.all(state.options.modules.map(readGraph));
  const run = openRun(state, await state.starter.start(enginesFor(graphs)));
  run.modules = state.options.modules.map((module) => moduleRunOf(run, module));
  state.closing.push(async () => {
    await Promise.all(run.modules.map((module) => module.stop()));
  });
  await Promise.all(run.modules.map((module, index) => module.start(graphs[index] as ModuleGraph)));
  return devRunOf(run);
};

/**
 * Starts the engines that the modules need, and runs each module. Resolves when each of them runs, or is broken.
 * @throws {DevError} when a module, a seed or a file of variables is missing or wrong
 * @throws {EngineMissingError} with what to install, when an engine cannot be started on this machine
 */
export const startDev = async (options: DevOptions): Promise<DevRun> => {
  const state = await newState(options);
  try {
    return await unlessAborted(options.signal, start(state));
  } catch (error) {
    await stop(state);
    throw error;
  }
};
