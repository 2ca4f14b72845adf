// What must be true before a backfill starts. The checks are those of the command `sluice backfill`.

import {
  aheadTargets,
  type CheckName,
  dryRunSample,
  type Invoke,
  type ItemSource,
  type LiveFacts,
  liveFacts,
  type MappingsClient,
  type RunFacts,
  refusals,
  sampleRecords,
  targetsOfRoutes,
} from "@sluice/backfill";
import type { Clock, LazyClient } from "@sluice/core/sink-kit";
import type { WorkerPipeline } from "./backfill-worker.ts";
import { refused, type TableOfRun } from "./table-of-run.ts";

/** What the checks ask, and whom. */
export interface Checks {
  readonly table: TableOfRun;
  readonly source: ItemSource;
  /** The time of an export's data. Undefined for a scan. */
  readonly exportTimeMs: number | undefined;
  readonly pipeline: WorkerPipeline;
  readonly invoke: Invoke;
  readonly routes: readonly string[] | undefined;
  /** Name of the function that reads the stream. Undefined: any function. */
  readonly pipelineFunction: string | undefined;
  readonly lambda: LazyClient<MappingsClient>;
  readonly skipped: readonly CheckName[];
  readonly clock: Clock;
}

const liveFactsOf = async ({ lambda, table, pipelineFunction }: Checks): Promise<LiveFacts> => {
  try {
    return await liveFacts(await lambda.get(), table.streamArn, pipelineFunction);
  } catch (error) {
    const { name, message } = error as Error;
    return { kind: "unknown", reason: `${name}: ${message}` };
  }
};

const checkMs = 30_000;

const sampledFacts = async (checks: Checks): Promise<Pick<RunFacts, "sample" | "ahead">> => {
  const { skipped, source, invoke, routes, pipeline } = checks;
  const signal = AbortSignal.timeout(checkMs);
  const records = await sampleRecords(source, signal);
  if (records.length === 0) return { sample: undefined, ahead: [] };
  const sample = skipped.includes("sample") ? undefined : await dryRunSample(records, invoke, routes, signal);
  const isBroken = sample !== undefined && sample.failures === sample.records;
  if (isBroken || skipped.includes("ahead")) return { sample, ahead: [] };
  const targets = targetsOfRoutes(pipeline.targets(), routes);
  return { sample, ahead: await aheadTargets(targets, records, { signal, remainingMs: () => checkMs }) };
};

/** The messages of refusals name the command's option, which is called otherwise here. */
const inWordsOfWorkflow = (message: string): string =>
  message.replaceAll(/--no-check (\w+)/g, (_, name: string) => `the option skipChecks: ["${name}"]`);

/**
 * Checks the preconditions of a backfill.
 * @throws {ConfigError} CONFIG_INVALID, with every reason, when the run must not start.
 */
export const checkBackfill = async (checks: Checks): Promise<void> => {
  const { table, skipped, exportTimeMs, clock } = checks;
  const live = skipped.includes("live") ? undefined : await liveFactsOf(checks);
  const exported = exportTimeMs === undefined ? undefined : { exportTimeMs };
  const base = { table, live, exported, now: clock.now() };
  const early = refusals({ ...base, sample: undefined, ahead: [] }, skipped);
  const all = early.length > 0 ? early : refusals({ ...base, ...(await sampledFacts(checks)) }, skipped);
  if (all.length > 0) throw refused(all.map(({ message }) => inWordsOfWorkflow(message)).join(". "));
};
