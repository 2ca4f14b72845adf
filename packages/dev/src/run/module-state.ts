// What is known of one module that runs.

import { relative } from "node:path";
import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { SQS } from "@aws-sdk/client-sqs";
import type { DevReports } from "../dev-run.ts";
import type { DevEngines } from "../engines/engines.ts";
import type { EngineName } from "../engines/needs.ts";
import type { FileWatcher } from "../graph/watch.ts";
import type { Supervisor, SupervisorState } from "../process/supervisor.ts";
import type { SourceTable } from "../table/table.ts";
import type { DevQueue, LoadedModule, TableKey } from "../worker/messages.ts";
import type { Mappings } from "./mappings.ts";
import type { EnvironmentFor, GivenVariables, ModuleEnvironment, NamedQueue } from "./module-environment.ts";

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

/** What is known of a module that runs. */
export interface ModuleState extends ModuleRunOptions {
  /** Begins the names of resources. */
  readonly base: string;
  readonly functionName: string;
  readonly environmentFor: EnvironmentFor;
  readonly supervisor: Supervisor;
  readonly watcher: FileWatcher;
  supervised: SupervisorState;
  loaded: LoadedModule | undefined;
  environment: ModuleEnvironment | undefined;
  started: DevEngines | undefined;
  source: SourceTable | undefined;
  mappings: Mappings | undefined;
  failedBatches: DevQueue | undefined;
  files: readonly string[];
  /** The variables without a value that were named last. */
  saidUnset: string;
  /** What is wrong with the files. */
  problem: string | undefined;
  isStopped: boolean;
  /** Number of changes of the files. */
  changes: number;
  /** The last preparation of a place: they happen one after the other. */
  placing: Promise<unknown>;
}

/** Writes a line that names the module. */
export const say = ({ module, onLine }: ModuleState, line: string): void =>
  onLine(`${relative(".", module.split("#")[0] ?? "")}: ${line}`);

/** The name of the pipeline; until it is known, that of the module. */
export const pipelineName = ({ loaded, base }: ModuleState): string => loaded?.name ?? base;

/** The queues that the module's variables name. */
export const namedQueues = ({ environment }: ModuleState): readonly NamedQueue[] => environment?.queues ?? [];

/** The queues of the pipeline that are no targets. */
export const queuesOf = (state: ModuleState): readonly DevQueue[] => {
  const pipeline = pipelineName(state);
  return [
    ...namedQueues(state).flatMap(({ use, name, url }) =>
      use === "target" ? [] : [{ pipeline, kind: use, name, url }],
    ),
    ...(state.failedBatches ? [{ ...state.failedBatches, pipeline }] : []),
  ];
};
