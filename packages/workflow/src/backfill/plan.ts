// The function of the state "Plan". It checks the preconditions, finds out what the run reads, and writes the units of a scan
// to S3. For an export, the Distributed Map reads the export's own manifest.

import {
  type CheckName,
  checkNames,
  exportSource,
  type Micros,
  microsOf,
  type RecordOrigin,
  type Source,
  scanSource,
  segmentCount,
  tableTime,
  type VerifyUnit,
} from "@sluice/backfill";
import {
  type Clock,
  checkOptionNames,
  checkText,
  type InvocationContext,
  invalidOption,
  type PipelineLogger,
  systemClock,
} from "@sluice/core/sink-kit";
import { consoleLogger, optional, required } from "../redrive/environment.ts";
import { inProcess, type WorkerPipeline } from "./backfill-worker.ts";
import { checkBackfill } from "./checks.ts";
import { type CopyClients, checkCopyClients, dynamodbConnection, mappingsConnection, s3Connection } from "./clients.ts";
import { openRunObjects, type RunObjects, type RunPlace } from "./run-objects.ts";
import { type RunRate, rateName } from "./run-rate.ts";
import { type CopyInput, type CopySettings, inputFor } from "./settings.ts";
import { refused, type TableOfRun, tableOfRun } from "./table-of-run.ts";
import { ndjson } from "./unit-progress.ts";

/** What a run does. */
export type RunMode = "backfill" | "verify";

/** What a run reads. */
export type PlannedSource =
  | { readonly kind: "table"; readonly table: string; readonly segments: number; readonly asOf: Micros }
  | { readonly kind: "export"; readonly table: string; readonly manifest: string; readonly asOf: Micros };

/** An object with units, one JSON value per line. */
export interface UnitItems {
  readonly bucket: string;
  readonly key: string;
}

/** What all functions of a run know. It is the output of the state "Plan", and has less than two kilobytes. */
export interface Plan extends RunPlace {
  readonly mode: RunMode;
  readonly pipeline: string;
  readonly run: string;
  readonly startedAt: string;
  readonly source: PlannedSource;
  readonly origin: RecordOrigin;
  readonly keyTypes: TableOfRun["keyTypes"];
  readonly items: UnitItems;
  /** Of a verify: the parts of the targets' keys. They are read before the table. */
  readonly copies?: UnitItems;
  /** Beginning of the keys of Step Functions' own results. */
  readonly results: string;
  readonly routes?: readonly string[];
}

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

/** Options of `backfillPlan` and `verifyPlan`. If an option names a variable, you can set that environment variable instead. */
export interface PlanOptions {
  /** Name of the table. Variable: `SLUICE_SOURCE_TABLE`. */
  readonly table?: string;
  /** The bucket for the state of runs. Variable: `SLUICE_RUN_BUCKET`. */
  readonly bucket?: string;
  /** Beginning of the keys of all objects. Default `sluice/runs/`. */
  readonly prefix?: string;
  /** Name of the function that reads the table's stream. Default: any function. Variable: `SLUICE_PIPELINE_FUNCTION`. */
  readonly pipelineFunction?: string;
  /** Preconditions of a backfill that you have checked yourself. */
  readonly skipChecks?: readonly CheckName[];
  /** Default: a logger that writes lines of JSON to the console. */
  readonly logger?: PipelineLogger;
  /** Your own clients. By default, clients of the SDK with default settings are loaded when they are needed. */
  readonly clients?: CopyClients;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** The options of a plan with their defaults. */
interface PlanParts {
  readonly mode: RunMode;
  readonly pipeline: WorkerPipeline;
  readonly table: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly pipelineFunction: string | undefined;
  readonly skipped: readonly CheckName[];
  readonly logger: PipelineLogger;
  readonly clock: Clock;
  readonly s3: ReturnType<typeof s3Connection>;
  readonly dynamodb: ReturnType<typeof dynamodbConnection>;
  readonly lambda: ReturnType<typeof mappingsConnection>;
}

const checkedNames = (skipped: readonly CheckName[]): readonly CheckName[] => {
  if (Array.isArray(skipped) && skipped.every((name) => checkNames.includes(name))) return skipped;
  throw invalidOption("skipChecks", `must be a list of ${checkNames.join(", ")}`);
};

const partsOf = (mode: RunMode, pipeline: WorkerPipeline, options: PlanOptions): PlanParts => {
  const factory = `${mode}Plan`;
  const names = { table: true, bucket: true, prefix: true, pipelineFunction: true, skipChecks: true } as const;
  checkOptionNames(factory, options, { ...names, logger: true, clients: true, clock: true });
  checkCopyClients(factory, options.clients);
  const { prefix = "sluice/runs/", logger = consoleLogger, clock = systemClock, clients = {} } = options;
  checkText("prefix", prefix);
  return {
    mode,
    pipeline,
    table: required("table", options.table, "SLUICE_SOURCE_TABLE"),
    bucket: required("bucket", options.bucket, "SLUICE_RUN_BUCKET"),
    prefix,
    pipelineFunction: optional(options.pipelineFunction, "SLUICE_PIPELINE_FUNCTION"),
    skipped: checkedNames(options.skipChecks ?? []),
    logger,
    clock,
    s3: s3Connection(clients.s3),
    dynamodb: dynamodbConnection(clients.dynamodb),
    lambda: mappingsConnection(clients.lambda),
  };
};

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
type Planned = Pick<Plan, "source" | "items" | "copies">;

const check = (
  { parts, table, input, context }: Start,
  source: Source,
  exportTimeMs: number | undefined,
): Promise<void> => {
  const { pipeline, pipelineFunction, lambda, skipped, clock } = parts;
  const invoke = inProcess(pipeline.handler(), context);
  const { routes } = input;
  return checkBackfill({
    ...{ table, source, exportTimeMs, pipeline, invoke, routes, pipelineFunction, lambda, skipped, clock },
  });
};

/** Parts of the keys of each target that can list them. */
const copiesOf = ({ parts, input, concurrency }: Start): readonly VerifyUnit[] =>
  parts.pipeline
    .targets()
    .filter(({ sink }) => sink.keys !== undefined && sink.read !== undefined && sink.canonical !== undefined)
    .map(({ routes }) => routes)
    .filter((routes) => input.routes === undefined || routes.some((route) => input.routes?.includes(route)))
    .flatMap(([target = ""]) =>
      Array.from({ length: concurrency }, (_, part) => ({ kind: "copies", target, part, parts: concurrency }) as const),
    );

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
  await objects.write("copies.jsonl", ndjson(copiesOf(start)));
  await objects.write("units.jsonl", ndjson(units.map((unit): VerifyUnit => ({ kind: "items", unit }))));
  return { source, items: itemsIn("units.jsonl"), copies: itemsIn("copies.jsonl") };
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

/** A run whose start is older than this cannot be continued, as in the command. */
const maxAgeMs = 14 * 86_400_000;

const checkContinued = ({ mode, table, clock, pipeline }: PlanParts, plan: Plan, input: CopyInput): void => {
  const { source, routes } = plan;
  const expect = (is: unknown, expected: unknown, what: string): void => {
    if (JSON.stringify(is) === JSON.stringify(expected)) return;
    throw refused(`the run ${plan.run} has ${what} ${is}; expected ${expected}, or a new run`);
  };
  expect(plan.mode, mode, "the mode");
  expect(plan.pipeline, pipeline.name, "the pipeline");
  expect(source.table, table, "the table");
  if (input.manifest !== undefined) {
    expect(source.kind === "export" ? source.manifest : "no export", input.manifest, "the manifest");
  }
  if (input.routes !== undefined) expect(routes ?? "all", input.routes, "the routes");
  if (input.segments !== undefined && source.kind === "table") {
    expect(source.segments, input.segments, "a number of segments, which is");
  }
  if (clock.now() - Date.parse(plan.startedAt) <= maxAgeMs) return;
  throw refused(`the run ${plan.run} started at ${plan.startedAt}; expected a start within 14 days, or a new run`);
};

/** Loads the plan of an earlier run, and checks that this run may continue it. */
const continued = async (parts: PlanParts, objects: RunObjects, input: CopyInput): Promise<Plan> => {
  const stored = await objects.read("plan.json");
  if (stored === undefined) throw refused(`there is no run ${input.run}; expected the name of an earlier execution`);
  const plan = JSON.parse(stored.text) as Plan;
  checkContinued(parts, plan, input);
  const { streamArn } = await tableOfRun(await parts.dynamodb.get(), parts.table, plan.run);
  if (streamArn === plan.origin.streamArn) return plan;
  const found = `the run ${plan.run} is of the stream ${plan.origin.streamArn}`;
  throw refused(`${found}; expected the table's present stream ${streamArn}: start a new run`);
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
  const parts = partsOf(mode, pipeline, options);
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
    const plan = input.run === undefined ? await begin() : await continued(parts, objects, input);
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
