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
import { continuedRun } from "./continued-run.ts";
import { type PlanOptions, type PlanParts, planParts } from "./plan-options.ts";
import { openRunObjects, type RunObjects, type RunPlace } from "./run-objects.ts";
import type { Plan, RunMode, UnitItems } from "./run-plan.ts";
import { type RunRate, rateName } from "./run-rate.ts";
import { type CopyInput, type CopySettings, inputFor } from "./settings.ts";
import { refused, type TableOfRun, tableOfRun } from "./table-of-run.ts";
import { ndjson } from "./unit-progress.ts";

/** The event that the state machine sends. */
export interface PlanEvent {
  readonly settings: CopySettings;
  readonly maxConcurrency: number;
  readonly execution: string;
  readonly startedAt: string;
  /** The execution's input. */
  readonly input: unknown;
}

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

const started = async (start: Start, { execution, startedAt }: PlanEvent): Promise<Plan> => {
  const { parts, table, input, objects, place } = start;
  const { manifest, routes } = input;
  const planned = manifest === undefined ? await planTable(start) : await planExport(start, manifest);
  const plan: Plan = {
    ...place,
    mode: parts.mode,
    pipeline: parts.pipeline.name,
    run: execution,
    startedAt,
    origin: table.origin,
    keyTypes: table.keyTypes,
    results: `${place.prefix}results`,
    ...planned,
    ...(routes !== undefined && { routes }),
  };
  await objects.write("plan.json", JSON.stringify(plan));
  return plan;
};

const planHandler = (mode: RunMode, pipeline: WorkerPipeline, options: PlanOptions): PlanHandler => {
  const parts = planParts(mode, pipeline, options);
  return async (event, context) => {
    const input = inputFor(event.settings, event.input);
    if (mode === "verify" && input.manifest !== undefined) {
      throw refused("a verify reads the table itself; expected an input without manifest");
    }
    const { execution, maxConcurrency: concurrency } = event;
    const place = { bucket: parts.bucket, prefix: `${parts.prefix}${input.run ?? execution}/` };
    const objects = openRunObjects(parts.s3, place);
    const begin = async (): Promise<Plan> => {
      const table = await tableOfRun(await parts.dynamodb.get(), parts.table, execution);
      return started({ parts, table, input, concurrency, objects, place, context }, event);
    };
    const plan = input.run === undefined ? await begin() : await continuedRun(parts, objects, input);
    const { readUnitsPerSecond } = input;
    const rate: RunRate = { concurrency, ...(readUnitsPerSecond !== undefined && { readUnitsPerSecond }) };
    await objects.write(rateName, JSON.stringify(rate));
    parts.logger.info(`${mode} planned`, { ...plan });
    return plan;
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
