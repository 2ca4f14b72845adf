// Starts engines and pipelines.

import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import type { Image } from "@sluice/core/sink-kit";
import { DevError } from "./dev-error.ts";
import type { DevOptions, DevReports, DevRun } from "./dev-run.ts";
import { describeEngines } from "./engines/engine-lines.ts";
import { type DevEngines, engineStarter } from "./engines/engines.ts";
import { enginesFor } from "./engines/needs.ts";
import { readEnvFile, type Variables } from "./environment/env-file.ts";
import { readGraph } from "./graph/graph.ts";
import type { GivenVariables } from "./run/module-environment.ts";
import { createModuleRun, type ModuleRun } from "./run/module-run.ts";
import { keyOfSeed } from "./seed/key-of-seed.ts";
import { readSeed } from "./seed/read-seed.ts";
import { writeSeed } from "./seed/write-seed.ts";
import { depthOf } from "./table/queues.ts";
import { keyText, type SourceTable } from "./table/table.ts";

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

/** Calls listeners. */
const listeners = <Value>() => {
  const all = new Set<(value: Value) => void>();
  return {
    add: (listener: (value: Value) => void): (() => void) => {
      all.add(listener);
      return () => all.delete(listener);
    },
    call: (value: Value): void => {
      for (const listener of all) listener(value);
    },
  };
};

/** Rejects when the signal aborts. */
const unlessAborted = async <Value>(signal: AbortSignal | undefined, promise: Promise<Value>): Promise<Value> => {
  if (signal === undefined) return promise;
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
};

/**
 * Starts the engines that the modules need, and runs each module. Resolves when each of them runs, or is broken.
 * @throws {DevError} when a module, a seed or a file of variables is missing or wrong
 * @throws {EngineMissingError} with what to install, when an engine cannot be started on this machine
 */
export const startDev = async (options: DevOptions): Promise<DevRun> => {
  await checkModules(options.modules);
  const given = await givenVariables(options);
  const items: readonly Image[] = options.seed === undefined ? [] : await readSeed(options.seed);
  const starter = engineStarter({ ...(given.inherited as Variables), ...given.own });
  const changed = listeners<void>();
  const reported = listeners<DevReports>();
  const closing: (() => Promise<void> | void)[] = [() => starter.stop()];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).toReversed()) await close();
  };
  const start = async (): Promise<DevRun> => {
    const graphs = await Promise.all(options.modules.map(readGraph));
    let engines: DevEngines = await starter.start(enginesFor(graphs));
    const dynamodb = new DynamoDB(engines.dynamodb.clientConfig);
    const sqs = new SQS(engines.sqs.clientConfig);
    closing.push(() => {
      dynamodb.destroy();
      sqs.destroy();
    });
    const runs = options.modules.map(
      (module): ModuleRun =>
        createModuleRun({
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
            engines = { ...engines, ...(await starter.start(names)) };
            return engines;
          },
          directory: resolve(options.directory ?? ".sluice"),
          onLine: options.onLine,
          onChange: () => changed.call(),
          onReports: reported.call,
        }),
    );
    closing.push(async () => {
      await Promise.all(runs.map((run) => run.stop()));
    });
    await Promise.all(runs.map((run, index) => run.start(graphs[index] as (typeof graphs)[number])));
    const tables = (): readonly SourceTable[] => [
      ...new Map(
        runs.flatMap((run) => (run.table() ? [[run.table()?.name, run.table() as SourceTable]] : [])),
      ).values(),
    ];
    const queues = () => runs.flatMap((run) => run.queues());
    return {
      pipelines: () => runs.map((run) => run.about()),
      queues,
      depthOf: (url) => depthOf(sqs, url),
      engines: () =>
        describeEngines(engines, {
          tables: tables().map((table) => ({ name: table.name, example: exampleOf(table) })),
          queues: queues(),
        }),
      onChange: changed.add,
      onReports: reported.add,
      call: async (pipeline, method, input, call) => {
        const run = runs.find((one) => one.about().name === pipeline);
        if (run === undefined) throw new DevError(`there is no pipeline ${pipeline}`);
        return run.call(method, input, call);
      },
      seed: async (onProgress) => {
        if (items.length === 0) return 0;
        const [table, another] = tables();
        if (table === undefined)
          throw new DevError("there is no table for the seed, because no module could be loaded");
        if (another !== undefined)
          throw new DevError(`the seed could be for ${table.name} or ${another.name}; expected one table`);
        if (table.isNew && options.key === undefined)
          options.onLine(`the key of ${table.name} is ${keyText(table.key)}, as the seed has it; --key says another`);
        return writeSeed(dynamodb, table, items, onProgress);
      },
      stop,
    };
  };
  try {
    return await unlessAborted(options.signal, start());
  } catch (error) {
    await stop();
    throw error;
  }
};
