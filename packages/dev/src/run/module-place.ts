// What a pipeline needs around it: its table, the queue of batches that failed, and the mappings that deliver changes.

import { DevError, messageOf } from "../dev-error.ts";
import type { DevEngines } from "../engines/engines.ts";
import { createQueue } from "../table/queues.ts";
import { openTable, type SourceTable } from "../table/table.ts";
import type { DevQueue, LoadedModule, TableKey, WorkerPlace } from "../worker/messages.ts";
import { createMappings, type Mappings } from "./mappings.ts";
import { type ModuleState, namedQueues, pipelineName, queuesOf, say } from "./module-state.ts";

const defaultKey: TableKey = [{ name: "id", type: "S" }];

const firstLineOf = (error: unknown): string => messageOf(error).split("\n")[0] ?? "";

/** The name of a table of the option `source`, which may be an ARN. */
const tableNameOf = (source: string): string => source.slice(source.lastIndexOf("/") + 1);

const tableNameFor = ({ table, environment, base }: ModuleState, { tables }: LoadedModule): string => {
  const sources = tables.map(tableNameOf);
  if (table !== undefined && sources.length > 0 && !sources.includes(table)) {
    throw new DevError(`--table is ${table}; the source of the pipeline is ${sources.join(", ")}`);
  }
  return table ?? sources.at(-1) ?? environment?.variables.SOURCE_TABLE ?? base;
};

const createFailedBatches = async (state: ModuleState): Promise<DevQueue> => {
  const name = `${state.base}-failed-batches`;
  const url = await createQueue(state.sqs, name, { isFifo: false, functionTimeoutMs: state.functionTimeoutMs });
  return { pipeline: pipelineName(state), kind: "on-failure destination", name, url };
};

const mappingsOf = (
  state: ModuleState,
  source: SourceTable,
  engines: DevEngines,
  failedBatches: DevQueue,
): Mappings => {
  const { sqs, functionName, functionTimeoutMs, supervisor } = state;
  return createMappings({
    endpoint: engines.dynamodb.endpoint,
    streamArn: source.streamArn,
    sqs,
    retryUrls: namedQueues(state).flatMap(({ use, url }) => (use === "retry queue" ? [url] : [])),
    failedBatchesUrl: failedBatches.url,
    functionName,
    functionTimeoutMs,
    invoke: (event, { awsRequestId }, maxWaitMs) =>
      supervisor.invoke(event, { requestId: awsRequestId, functionName }, maxWaitMs),
    onFunctionError: (error) => say(state, `an invocation failed: ${firstLineOf(error)}`),
    onProblem: (error) => {
      if (!state.isStopped) say(state, firstLineOf(error));
    },
  });
};

/** Opens the table, and delivers its changes. Those of the table before are delivered no longer. */
const openSource = async (state: ModuleState, name: string, engines: DevEngines): Promise<SourceTable> => {
  await state.mappings?.stop();
  const key = state.key ?? state.guessedKey ?? defaultKey;
  state.source = await openTable(state.dynamodb, name, { key, isGiven: state.key !== undefined });
  state.failedBatches = await createFailedBatches(state);
  state.mappings = mappingsOf(state, state.source, engines, state.failedBatches);
  await state.mappings.start();
  return state.source;
};

const openPlace = async (state: ModuleState, found: LoadedModule): Promise<WorkerPlace> => {
  const { module, started, directory } = state;
  if (started === undefined) throw new Error("the engines are not started");
  state.loaded = found;
  const table = tableNameFor(state, found);
  const { key } = state.source?.name === table ? state.source : await openSource(state, table, started);
  return { module, pipeline: found.name, table, key, queues: queuesOf(state), directory };
};

/**
 * Creates what a pipeline needs around it. One after the other: a change of the module may come while the table of the one
 * before is created.
 */
export const place = (state: ModuleState, found: LoadedModule): Promise<WorkerPlace> => {
  const opening = state.placing.then(() => openPlace(state, found));
  state.placing = opening.catch(() => undefined);
  return opening;
};
