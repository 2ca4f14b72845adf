// Opens what a backfill works with: the pipeline, the table, the source, and the state of the run.

import {
  checkResume,
  checkUnits,
  type ExportSummary,
  exportSource,
  exportSummary,
  type Invoke,
  type ItemSource,
  isRunDone,
  microsOf,
  newRun,
  type ReadRate,
  type RunState,
  type RunStore,
  type RunSubject,
  readRate,
  scanSource,
  segmentCount,
  tableTime,
} from "@sluice/backfill";
import { type AwsOptions, dynamodbClient, s3Client } from "../aws/clients.ts";
import { CommandError } from "../command-line/command-error.ts";
import { awsWords } from "../command-line/pasted-command.ts";
import { shellWord } from "../command-line/shell-word.ts";
import { scanRate } from "../pipeline-command/estimate.ts";
import { openInvoke, withoutWrites } from "../pipeline-command/invoke.ts";
import type { Resources } from "../pipeline-command/resources.ts";
import { loadPipeline, type PipelineModule } from "../pipeline-module/pipeline-module.ts";
import { openRunStore } from "../run-state/run-store.ts";
import { describeTable, type SourceTable } from "../source-table/source-table.ts";
import type { BackfillCommandOptions } from "./options.ts";

/** What a backfill works with. */
export interface OpenBackfill {
  readonly options: BackfillCommandOptions;
  readonly module: PipelineModule;
  readonly table: SourceTable;
  /** Undefined if the table itself is copied. */
  readonly summary: ExportSummary | undefined;
  readonly source: ItemSource;
  readonly rate: ReadRate | undefined;
  readonly invoke: Invoke;
  readonly state: RunState;
  readonly store: Pick<RunStore, "save">;
  readonly isResumed: boolean;
}

/** Sets what the pipeline's module reads when it is loaded. The command itself reports failures, so core logs errors only. */
const setEnvironment = ({ profile, region }: AwsOptions): void => {
  process.env.POWERTOOLS_LOG_LEVEL ??= "ERROR";
  if (profile !== undefined) process.env.AWS_PROFILE = profile;
  if (region !== undefined) process.env.AWS_REGION = region;
};

/** @throws {CommandError} when the pipeline has no route of one of these names */
export const checkRoutes = ({ pipeline }: PipelineModule, routes: readonly string[] | undefined): void => {
  const known = pipeline.routes.map(({ name }) => name);
  const unknown = routes?.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new CommandError(`--routes has ${unknown}; expected some of the pipeline's routes: ${known.join(", ")}`);
};

/** Loads the pipeline, and checks the names of the routes. */
export const openModule = async ({
  module: path,
  routes,
  aws,
}: Pick<BackfillCommandOptions, "module" | "routes" | "aws">): Promise<PipelineModule> => {
  setEnvironment(aws);
  const module = await loadPipeline(path);
  try {
    checkRoutes(module, routes);
    return module;
  } catch (error) {
    await module.close();
    throw error;
  }
};

const tableIn = (arn: string): string => arn.slice(arn.indexOf("/") + 1);

/** Describes the table. It is the one that the user names, or the one of the export. */
const openTable = async (
  { options, summary, signal }: Pick<OpenBackfill, "options" | "summary"> & { readonly signal: AbortSignal },
  opened: Resources,
) => {
  const address = options.table ?? summary?.tableArn ?? "";
  const client = await dynamodbClient(options.aws, address);
  opened.add({ close: () => client.destroy() });
  const table = await describeTable(client, options.table ?? tableIn(address));
  signal.throwIfAborted();
  return { client, table };
};

const withStream = (table: SourceTable, aws: AwsOptions): string => {
  if (table.streamArn !== undefined) return table.streamArn;
  const specification = "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES";
  const words = ["--table-name", table.address, "--stream-specification", specification, ...awsWords(aws)];
  const enabling = ["aws", "dynamodb", "update-table", ...words].map(shellWord).join(" ");
  throw new CommandError(
    `the table ${table.name} has no stream, so changes during the run would be lost; enable one (${enabling}), and give it to the pipeline's function`,
  );
};

const segmentsIn = (state: RunState | undefined): number | undefined => {
  const unit = state?.units[0]?.unit;
  return unit?.kind === "segment" ? unit.segments : undefined;
};

const segmentsOf = (
  { segments, concurrency }: BackfillCommandOptions,
  stored: RunState | undefined,
  table: SourceTable,
): number => {
  const fixed = segmentsIn(stored);
  if (fixed !== undefined && segments !== undefined && fixed !== segments) {
    throw new CommandError(`--segments is ${segments}; expected ${fixed}: the number of segments is fixed for a run`);
  }
  return fixed ?? segments ?? segmentCount(table.sizeBytes, concurrency);
};

/** A store that keeps nothing, for dry runs. */
const nowhere: Pick<RunStore, "open" | "save"> = { open: async () => undefined, save: async () => undefined };

const openStore = async (
  { place, run, aws, isDryRun }: BackfillCommandOptions,
  opened: Resources,
): Promise<Pick<RunStore, "open" | "save">> => {
  if (isDryRun) return nowhere;
  const { store, close } = await openRunStore(place, run, aws);
  opened.add({ close });
  return store;
};

const readExport = async ({ manifest, aws }: BackfillCommandOptions, opened: Resources, signal: AbortSignal) => {
  if (manifest === undefined) return undefined;
  const client = await s3Client(aws);
  opened.add({ close: () => client.destroy() });
  return { manifest, client, summary: await exportSummary(client, manifest, signal) };
};

/**
 * Opens what a backfill works with. Of a run that exists, the state decides about the time and the segments.
 * @throws {CommandError} {RunStateError} {RunTakenError} {SourceError} when the run cannot start
 */
export const openBackfill = async (
  options: BackfillCommandOptions,
  module: PipelineModule,
  opened: Resources,
  signal: AbortSignal,
): Promise<OpenBackfill> => {
  const exported = await readExport(options, opened, signal);
  const { client, table } = await openTable({ options, summary: exported?.summary, signal }, opened);
  const streamArn = withStream(table, options.aws);
  const store = await openStore(options, opened);
  const stored = await store.open();
  const origin = { run: options.run, streamArn, keyNames: table.keyNames };
  const makeSource = async () => {
    if (exported !== undefined) {
      const { manifest, client: s3, summary } = exported;
      const source = exportSource({ client: s3, manifest, origin, dataPrefix: options.dataPrefix });
      return { source, asOf: microsOf(summary.exportTimeMs), rate: undefined };
    }
    const asOf = stored?.asOf ?? (await tableTime({ client, table: table.address }));
    const rate = readRate({ unitsPerSecond: scanRate(options.readUnitsPerSecond, table) });
    const segments = segmentsOf(options, stored, table);
    return { source: scanSource({ client, table: table.address, origin, asOf, segments, rate }), asOf, rate };
  };
  const subjectOf = (source: string): RunSubject => ({
    pipeline: module.pipeline.name,
    source,
    tableArn: table.arn,
    streamArn,
    ...(options.routes && { routes: options.routes }),
  });
  const name = exported === undefined ? `table ${table.address}` : `export ${exported.manifest}`;
  if (stored !== undefined) checkResume(stored, subjectOf(name), Date.now());
  const { source, asOf, rate } = await makeSource();
  const units = await source.units();
  const resumed = stored && checkUnits(stored, units);
  const state = resumed ?? newRun(options.run, subjectOf(source.name), { asOf, now: Date.now(), units });
  const invoke = await openInvoke(options, module.pipeline, opened);
  return {
    options,
    module,
    table,
    summary: exported?.summary,
    source,
    rate,
    invoke: options.isDryRun ? withoutWrites(invoke) : invoke,
    state,
    store,
    isResumed: stored !== undefined,
  };
};

/** Whether nothing of the run is left. */
export const isFinished = ({ state, isResumed }: OpenBackfill): boolean => isResumed && isRunDone(state);
