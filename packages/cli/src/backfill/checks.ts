// Checks the preconditions of a run. What they are, and why, is in @sluice/backfill.

import {
  aheadTargets,
  dryRunSample,
  type LiveFacts,
  liveFacts,
  type Refusal,
  type RunFacts,
  refusals,
  sampleRecords,
  targetsOfRoutes,
} from "@sluice/backfill";
import { awsFailure } from "../aws/aws-failure.ts";
import { lambdaClient } from "../aws/clients.ts";
import { CommandError } from "../command-line/command-error.ts";
import type { OpenBackfill } from "./open-backfill.ts";

/** What the checks found. */
export interface Checked {
  readonly refusals: readonly Refusal[];
  /** What could not be checked, for the user. */
  readonly notes: readonly string[];
  /** Name of the live function; undefined if unknown, or if there are several. */
  readonly liveFunction: string | undefined;
}

/** Emulators have no real account, and DynamoDB Local no real region. Most emulators of DynamoDB have no Lambda. */
const isEmulated = (arn: string): boolean => /:ddblocal:|:000000000000:/.test(arn);

const liveFactsOf = async ({ options, table }: OpenBackfill): Promise<LiveFacts> => {
  const { functionName, aws } = options;
  if (functionName === undefined && isEmulated(table.arn)) return { kind: "local" };
  const client = await lambdaClient(aws, functionName ?? table.arn);
  try {
    return await liveFacts(client, table.streamArn ?? "", functionName);
  } catch (error) {
    return { kind: "unknown", reason: awsFailure("the event source mappings", error).message };
  } finally {
    client.destroy();
  }
};

type SampledFacts = Pick<RunFacts, "sample" | "ahead"> & { readonly notes: readonly string[] };

const checkMs = 30_000;

/** The copies of the sample's items. Only the pipeline in this process can read its targets. */
const aheadFacts = async (
  { options, module }: OpenBackfill,
  records: Parameters<typeof aheadTargets>[1],
  signal: AbortSignal,
): Promise<Pick<SampledFacts, "ahead" | "notes">> => {
  const { routes, to } = options;
  if (to === "lambda") return { ahead: [], notes: ["not checked: whether a target holds changes of a later stream"] };
  const targets = module.pipeline.targets();
  const asked = targetsOfRoutes(targets, routes);
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(checkMs)]);
  try {
    return { ahead: await aheadTargets(asked, records, { signal: timeout, remainingMs: () => checkMs }), notes: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ahead: [], notes: [`not checked: whether a target holds changes of a later stream: ${reason}`] };
  }
};

/** Errors that a run would end with, too. */
const finalErrors = /^(Config|FunctionUnreachable|FunctionBroken)Error$/;

/** A function that crashes may do so for one item of the sample. The run will find this item. */
const unlessCrashed = (error: unknown): string => {
  if (!(error instanceof Error) || finalErrors.test(error.name)) throw error;
  return `not checked: whether the first items can be written: the dry run failed with ${error.name}`;
};

const sampledFacts = async (open: OpenBackfill, signal: AbortSignal): Promise<SampledFacts> => {
  const { skipped, routes } = open.options;
  if (skipped.includes("sample") && skipped.includes("ahead")) return { sample: undefined, ahead: [], notes: [] };
  const records = await sampleRecords(open.source, signal);
  if (records.length === 0) return { sample: undefined, ahead: [], notes: [] };
  const sample = skipped.includes("sample")
    ? undefined
    : await dryRunSample(records, open.invoke, routes, signal).catch(unlessCrashed);
  if (typeof sample === "string") return { sample: undefined, ahead: [], notes: [sample] };
  const isBroken = sample !== undefined && sample.failures === sample.records;
  if (isBroken || skipped.includes("ahead")) return { sample, ahead: [], notes: [] };
  return { sample, ...(await aheadFacts(open, records, signal)) };
};

const localNote =
  "not checked: whether a function reads the stream, because the table's DynamoDB is an emulator; --function NAME asks its Lambda";

const onlyFunction = (live: LiveFacts | undefined): string | undefined => {
  if (live?.kind !== "mappings") return undefined;
  const names = new Set(live.mappings.map(({ functionName }) => functionName));
  return names.size === 1 ? [...names][0] : undefined;
};

/**
 * Checks the preconditions. Reads a page of the source, and asks the pipeline for a dry run of its first items.
 * @throws {CommandError} when the pipeline itself refuses the dry run
 */
export const checkBackfill = async (open: OpenBackfill, signal: AbortSignal): Promise<Checked> => {
  const { options, table, summary } = open;
  const live = options.skipped.includes("live") ? undefined : await liveFactsOf(open);
  const now = Date.now();
  const exported = summary && { exportTimeMs: summary.exportTimeMs };
  const base = { table, live, exported, now };
  // Without these, a sample would only show the same, or nothing at all.
  const early = refusals({ ...base, sample: undefined, ahead: [] }, options.skipped);
  const notes = live?.kind === "local" ? [localNote] : [];
  const liveFunction = options.functionName ?? onlyFunction(live);
  if (early.length > 0) return { refusals: early, notes, liveFunction };
  const sampled = await sampledFacts(open, signal).catch((error: unknown) => {
    if (error instanceof Error && error.name === "ConfigError") throw new CommandError(error.message, { cause: error });
    throw error;
  });
  return {
    refusals: refusals({ ...base, ...sampled }, options.skipped),
    notes: [...notes, ...sampled.notes],
    liveFunction,
  };
};
