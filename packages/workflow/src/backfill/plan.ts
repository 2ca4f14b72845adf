// The function of the state "Plan". It checks the preconditions, finds out what the run reads, and writes the units of a scan
// to S3. For an export, the Distributed Map reads the export's own manifest.

import {
  comparableTargets,
  exportSource,
  type ItemSource,
  limitsOf,
  microsOf,
  scanSource,
  segmentCount,
  tableTime,
  type VerifyUnit,
} from "@sluice/backfill";
import type { InvocationContext } from "@sluice/core/sink-kit";
import { inProcess, type WorkerPipeline } from "./backfill-worker.ts";
import { checkBackfill } from "./checks.ts";
import { continuedRun, repeatedStart } from "./continued-run.ts";
import { failureOf } from "./errors.ts";
import { type PlanOptions, type PlanParts, planParts } from "./plan-options.ts";
import { openRunObjects, type RunObjects, type RunPlace } from "./run-objects.ts";
import { executionName, type Plan, type PlanEvent, type RunMode, type UnitItems } from "./run-plan.ts";
import { type RunRate, rateName } from "./run-rate.ts";
import { type CopyInput, inputFor } from "./settings.ts";
import { refused, type TableOfRun, tableOfRun } from "./table-of-run.ts";
import { ndjson } from "./unit-progress.ts";

/** The function of the state "Plan". */
export type PlanHandler = (event: PlanEvent, context?: InvocationContext) => Promise<Plan>;

/** A run that starts. */
interface Start {
  readonly parts: PlanParts;
  readonly table: TableOfRun;
  readonly input: CopyInput;
  readonly concurrency: number;
  readonly objects: RunObjects;
  readonly place: RunPlace;
  readonly context: InvocationContext | undefined;
}

/** The source of a run, and the objects with its units. */
type Planned = Pick<Plan, "source" | "items" | "copies" | "targets" | "limits">;

const check = (
  { parts, table, input, context }: Start,
  source: ItemSource,
  exportTimeMs: number | undefined,
): Promise<void> => {
  const { pipeline, pipelineFunction, lambda, skipped, clock } = parts;
  const invoke = inProcess(pipeline.handler(), context);
  const { routes } = input;
  return checkBackfill({
    ...{ table, source, exportTimeMs, pipeline, invoke, routes, pipelineFunction, lambda, skipped, clock },
  });
};

type Targets = ReturnType<WorkerPipeline["targets"]>;

/** The targets that the run compares. @throws {ConfigError} CONFIG_INVALID when there are none. */
const comparedTargets = ({ parts, input: { routes: asked } }: Start): Targets => {
  const compared = comparableTargets(parts.pipeline.targets(), asked);
  if (compared.length > 0) return compared;
  throw refused("there is nothing to compare; expected a route whose sink can read its target");
};

/** Step Functions may refuse an object without items. */
const nothing: readonly VerifyUnit[] = [{ kind: "keys", keys: [] }];

/** Parts of the keys of each target that can list them. */
const copiesOf = (targets: Targets, parts: number): readonly VerifyUnit[] => {
  const copies = targets
    .filter(({ sink }) => sink.keys !== undefined)
    .flatMap(({ routes: [target = ""] }) =>
      Array.from({ length: parts }, (_, part): VerifyUnit => ({ kind: "copies", target, part, parts })),
    );
  return copies.length === 0 ? nothing : copies;
};

const planTable = async (start: Start): Promise<Planned> => {
  const { parts, table, input, concurrency, objects, place } = start;
  const client = await parts.dynamodb.get();
  const asOf = await tableTime({ client, table: table.name });
  const segments = input.segments ?? segmentCount(table.bytes, concurrency);
  const source = { kind: "table", table: table.name, segments, asOf } as const;
  const scan = scanSource({ ...source, client, origin: table.origin });
  const units = await scan.units();
  const itemsIn = (name: string): UnitItems => ({ bucket: place.bucket, key: `${place.prefix}${name}` });
  if (parts.mode === "backfill") {
    await check(start, scan, undefined);
    await objects.write("units.jsonl", ndjson(units));
    return { source, items: itemsIn("units.jsonl") };
  }
  const compared = comparedTargets(start);
  await objects.write("copies.jsonl", ndjson(copiesOf(compared, concurrency)));
  await objects.write("units.jsonl", ndjson(units.map((unit): VerifyUnit => ({ kind: "items", unit }))));
  const limits = limitsOf({ targets: parts.pipeline.targets(), routes: input.routes });
  const targets = compared.map(({ routes: [name = ""] }) => name);
  return { source, items: itemsIn("units.jsonl"), copies: itemsIn("copies.jsonl"), targets, limits };
};

const manifestFiles = (manifest: string): UnitItems => {
  const [, bucket = "", folder = ""] = /^s3:\/\/([^/]+)\/(.*\/)?[^/]*$/.exec(manifest) ?? [];
  return { bucket, key: `${folder}manifest-files.json` };
};

const planExport = async (start: Start, manifest: string): Promise<Planned> => {
  const { parts, table } = start;
  const source = exportSource({ client: await parts.s3.get(), manifest, origin: table.origin });
  const { exportTimeMs } = await source.summary();
  // Reads every line, so that a malformed manifest is refused before the first child starts.
  await source.units();
  await check(start, source, exportTimeMs);
  const asOf = microsOf(exportTimeMs);
  return { source: { kind: "export", table: table.name, manifest, asOf }, items: manifestFiles(manifest) };
};

/** The readers of a table with provisioned capacity need the rest. The command has the same default. */
const shareOfProvisioned = 0.2;

const defaultRate = ({ provisionedUnits }: TableOfRun): number | undefined =>
  provisionedUnits && Math.max(1, Math.floor(shareOfProvisioned * provisionedUnits));

/** The rate of an execution. Segments that are fewer than the workers share the whole rate. */
const rateOf = (
  { maxConcurrency }: PlanEvent,
  { readUnitsPerSecond }: CopyInput,
  { mode, source }: Pick<Plan, "mode" | "source">,
  table: TableOfRun,
): RunRate => {
  const most = mode === "backfill" && source.kind === "table" ? source.segments : maxConcurrency;
  const units = readUnitsPerSecond ?? defaultRate(table);
  return { concurrency: Math.min(maxConcurrency, most), ...(units !== undefined && { readUnitsPerSecond: units }) };
};

const started = async (start: Start, event: PlanEvent): Promise<Plan> => {
  const { parts, table, input, objects, place } = start;
  const { manifest, routes } = input;
  const { execution, startedAt } = event;
  const { mode } = parts;
  const planned = manifest === undefined ? await planTable(start) : await planExport(start, manifest);
  const plan: Plan = {
    ...place,
    ...{ mode, pipeline: parts.pipeline.name, run: execution, execution, startedAt },
    rate: rateOf(event, input, { mode, source: planned.source }, table),
    origin: table.origin,
    keyTypes: table.keyTypes,
    results: `${place.prefix}results`,
    ...planned,
    ...(routes !== undefined && { routes }),
  };
  await objects.replace("plan.json", JSON.stringify(plan), undefined);
  return plan;
};

/** The plan of a new run; that of an earlier attempt, if Step Functions has missed the answer. */
const begun = async (parts: PlanParts, event: PlanEvent, run: Omit<Start, "parts" | "table">): Promise<Plan> => {
  const earlier = await repeatedStart(parts, run.objects, event);
  if (earlier !== undefined) return earlier;
  const table = await tableOfRun(await parts.dynamodb.get(), parts.table, event.execution);
  return started({ ...run, parts, table }, event);
};

const continued = async (
  parts: PlanParts,
  event: PlanEvent,
  { objects, input }: Pick<Start, "objects" | "input">,
): Promise<Plan> => {
  const { plan, table } = await continuedRun(parts, objects, input);
  return { ...plan, execution: event.execution, rate: rateOf(event, input, plan, table) };
};

const planOf = async (parts: PlanParts, event: PlanEvent, context: InvocationContext | undefined): Promise<Plan> => {
  const input = inputFor(event.settings, event.input);
  if (parts.mode === "verify" && input.manifest !== undefined) {
    throw refused("a verify reads the table itself; expected an input without manifest");
  }
  const { execution, maxConcurrency: concurrency } = event;
  const place = { bucket: parts.bucket, prefix: `${parts.prefix}${input.run ?? execution}/` };
  const objects = openRunObjects(parts.s3, place);
  const run = { input, concurrency, objects, place, context };
  const plan = await (input.run === undefined ? begun : continued)(parts, event, run);
  await objects.write(rateName, JSON.stringify(plan.rate));
  await objects.write(executionName, execution);
  parts.logger.info(`${parts.mode} planned`, { ...plan });
  return plan;
};

const planHandler = (mode: RunMode, pipeline: WorkerPipeline, options: PlanOptions): PlanHandler => {
  const parts = planParts(mode, pipeline, options);
  return async (event, context) => {
    try {
      return await planOf(parts, event, context);
    } catch (error) {
      throw failureOf(error);
    }
  };
};

/**
 * Creates the function of the state "Plan" of a backfill. It checks the preconditions, with the targets of the pipeline.
 * `backfillPlan` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const backfillPlan = (pipeline: WorkerPipeline, options: PlanOptions = {}): PlanHandler =>
  planHandler("backfill", pipeline, options);

/**
 * Creates the function of the state "Plan" of a verify. `verifyPlan` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const verifyPlan = (pipeline: WorkerPipeline, options: PlanOptions = {}): PlanHandler =>
  planHandler("verify", pipeline, options);
