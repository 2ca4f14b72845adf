// One module that runs: its graph, its process, its table, queues and mappings.

import { relative } from "node:path";
import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { SQS } from "@aws-sdk/client-sqs";
import { DevError } from "../dev-error.ts";
import type { DevCall, DevPipeline, DevReports } from "../dev-run.ts";
import type { DevEngines } from "../engines/engines.ts";
import type { EngineName } from "../engines/needs.ts";
import { enginesFor } from "../engines/needs.ts";
import { type ModuleGraph, readGraph } from "../graph/graph.ts";
import { watchFiles } from "../graph/watch.ts";
import { createSupervisor, type SupervisorState } from "../process/supervisor.ts";
import { startWorker } from "../process/worker-process.ts";
import { createQueue } from "../table/queues.ts";
import { openTable, type SourceTable } from "../table/table.ts";
import type { DevQueue, LoadedModule, TableKey, TableKeyAttribute, WorkerPlace } from "../worker/messages.ts";
import type { ReportBatch } from "../worker/reports.ts";
import { createMappings, type Mappings } from "./mappings.ts";
import {
  baseOf,
  environmentsOf,
  type GivenVariables,
  type ModuleEnvironment,
  type NamedQueue,
} from "./module-environment.ts";

/** What a module needs of the run. */
export interface ModuleRunOptions {
  readonly module: string;
  readonly program: URL;
  readonly table: string | undefined;
  readonly key: TableKey | undefined;
  /** The key of a table that is created, if `key` is not given. */
  readonly guessedKey: TableKey | undefined;
  readonly functionTimeoutMs: number;
  readonly given: GivenVariables;
  readonly dynamodb: DynamoDB;
  readonly sqs: SQS;
  readonly engines: (names: ReadonlySet<EngineName>) => Promise<DevEngines>;
  readonly directory: string;
  readonly onLine: (line: string) => void;
  readonly onChange: () => void;
  readonly onReports: (reports: DevReports) => void;
}

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

const defaultKey: TableKey = [{ name: "id", type: "S" }];

const kinds = { "dead letters": "dead letters", "retry queue": "retry queue" } as const;

const attributesOf = (table: SourceTable | undefined): readonly TableKeyAttribute[] =>
  (table?.key ?? []).flatMap((attribute) => (attribute ? [attribute] : []));

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const firstLineOf = (error: unknown): string => messageOf(error).split("\n")[0] ?? "";

/** The name of a table of the option `source`, which may be an ARN. */
const tableNameOf = (source: string): string => source.slice(source.lastIndexOf("/") + 1);

/** Creates the run of a module. Nothing is started yet. */
export const createModuleRun = (options: ModuleRunOptions): ModuleRun => {
  const { module, sqs, dynamodb, functionTimeoutMs, onLine } = options;
  const base = baseOf(module);
  const label = relative(".", module.split("#")[0] ?? "");
  const functionName = `${base}-local`;
  const environmentFor = environmentsOf({ ...options });
  let state: SupervisorState = { status: "starting", since: Date.now() };
  let loaded: LoadedModule | undefined;
  let environment: ModuleEnvironment | undefined;
  let engines: DevEngines | undefined;
  let table: SourceTable | undefined;
  let mappings: Mappings | undefined;
  let failedBatches: DevQueue | undefined;
  let files: readonly string[] = [];
  let saidUnset = "";
  /** What is wrong with the files. */
  let problem: string | undefined;
  let isStopped = false;
  let lastChange = 0;
  let placing: Promise<unknown> = Promise.resolve();

  const say = (line: string): void => onLine(`${label}: ${line}`);
  const pipelineName = (): string => loaded?.name ?? base;

  const queues = (): readonly DevQueue[] => [
    ...(environment?.queues ?? []).flatMap(({ use, name, url }) =>
      use === "target" ? [] : [{ pipeline: pipelineName(), kind: kinds[use], name, url }],
    ),
    ...(failedBatches ? [{ ...failedBatches, pipeline: pipelineName() }] : []),
  ];

  const sayUnset = (): void => {
    const names = environment?.unset ?? [];
    if (names.length === 0 || names.join() === saidUnset) return;
    saidUnset = names.join();
    const verb = names.length === 1 ? "is" : "are";
    say(`reads ${names.join(", ")}, which ${verb} not set: --env ${names[0]}=…`);
  };

  const tableNameFor = ({ tables }: LoadedModule): string => {
    const sources = tables.map(tableNameOf);
    const wanted = options.table;
    if (wanted !== undefined && sources.length > 0 && !sources.includes(wanted)) {
      throw new DevError(`--table is ${wanted}; the source of the pipeline is ${sources.join(", ")}`);
    }
    return wanted ?? sources.at(-1) ?? environment?.variables.SOURCE_TABLE ?? base;
  };

  const openMappings = async (opened: SourceTable, at: DevEngines): Promise<Mappings> => {
    const name = `${base}-failed-batches`;
    const url = await createQueue(sqs, name, { isFifo: false, functionTimeoutMs });
    failedBatches = { pipeline: pipelineName(), kind: "on-failure destination", name, url };
    return createMappings({
      endpoint: at.dynamodb.endpoint,
      streamArn: opened.streamArn,
      sqs,
      retryUrls: (environment?.queues ?? []).filter(({ use }) => use === "retry queue").map(({ url }) => url),
      failedBatchesUrl: url,
      functionName,
      functionTimeoutMs,
      invoke: (event, { awsRequestId }, maxWaitMs) =>
        supervisor.invoke(event, { requestId: awsRequestId, functionName }, maxWaitMs),
      onFunctionError: (error) => say(`an invocation failed: ${firstLineOf(error)}`),
      onProblem: (error) => {
        if (!isStopped) say(firstLineOf(error));
      },
    });
  };

  const openPlace = async (found: LoadedModule): Promise<WorkerPlace> => {
    if (engines === undefined) throw new Error("the engines are not started");
    loaded = found;
    const name = tableNameFor(found);
    if (table?.name !== name) {
      await mappings?.stop();
      const key = options.key ?? options.guessedKey ?? defaultKey;
      table = await openTable(dynamodb, name, { key, isGiven: options.key !== undefined });
      mappings = await openMappings(table, engines);
      await mappings.start();
    }
    return {
      module,
      pipeline: found.name,
      table: name,
      key: table.key,
      queues: queues(),
      directory: options.directory,
    };
  };

  /** One after the other: a change of the module may come while the table of the one before is created. */
  const place = (found: LoadedModule): Promise<WorkerPlace> => {
    const opening = placing.then(() => openPlace(found));
    placing = opening.catch(() => undefined);
    return opening;
  };

  const supervisor = createSupervisor({
    module,
    functionTimeoutMs,
    startWorker: () =>
      startWorker({
        program: options.program,
        env: environment?.variables ?? {},
        onOutput: (line) => onLine(`${pipelineName()} | ${line}`),
        onReports: (batch) => options.onReports({ pipeline: pipelineName(), ...(batch as ReportBatch) }),
      }),
    place,
    onState: (next, found) => {
      const isNew = next.reason !== undefined && next.reason !== state.reason;
      state = next;
      loaded = found ?? loaded;
      if (isNew) say(`${next.status}: ${next.reason}`);
      options.onChange();
    },
  });

  const watcher = watchFiles(() => {
    reload().catch((error: unknown) => supervisor.markBroken(messageOf(error)));
  });

  const load = async (graph: ModuleGraph): Promise<void> => {
    const mine = lastChange;
    files = graph.problem === undefined ? graph.files : [...files, ...graph.files];
    // A file may be missing, so that nothing tells where it will be.
    watcher.watch(files, graph.problem === undefined ? "all" : "some");
    const isKnown = graph.problem === problem;
    problem = graph.problem;
    if (problem !== undefined) {
      if (!isKnown) supervisor.markBroken(problem);
      return;
    }
    engines = await options.engines(enginesFor([graph]));
    const next = await environmentFor(graph, engines);
    if (mine !== lastChange) return;
    environment = next;
    sayUnset();
    await supervisor.reload();
  };

  const reload = async (): Promise<void> => {
    lastChange += 1;
    const mine = lastChange;
    const startedAt = Date.now();
    const graph = await readGraph(module);
    if (isStopped || mine !== lastChange) return;
    await load(graph);
    if (state.status === "running" && mine === lastChange)
      say(`loaded again after a change, in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  };

  return {
    about: () => ({
      module,
      name: pipelineName(),
      table: table?.name ?? options.table ?? base,
      keyNames: attributesOf(table).map(({ name }) => name),
      keyTypes: Object.fromEntries(attributesOf(table).map(({ name, type }) => [name, type])),
      routes: loaded?.routes ?? [],
      environment: environment?.provided ?? {},
      ...state,
    }),
    queues,
    targetQueues: () => (environment?.queues ?? []).filter(({ use }) => use === "target"),
    table: () => table,
    start: load,
    call: (method, input, call) => supervisor.call(method, input, call),
    stop: async () => {
      isStopped = true;
      watcher.stop();
      await supervisor.stop();
      await mappings?.stop();
    },
  };
};
