// The function of the state "Plan". It finds out what the run reads, and writes the units of a scan to S3. For an export,
// the Distributed Map reads the export's own manifest.

import { exportSource, type Micros, type RecordOrigin, scanSource, segmentCount, tableTime } from "@sluice/backfill";
import {
  type Clock,
  ConfigError,
  checkOptionNames,
  checkText,
  type InvocationContext,
  type PipelineLogger,
  systemClock,
} from "@sluice/core/sink-kit";
import { consoleLogger, required } from "../redrive/environment.ts";
import { type CopyClients, checkCopyClients, dynamodbConnection, s3Connection } from "./clients.ts";
import { openRunObjects, type RunObjects, type RunPlace } from "./run-objects.ts";
import { type RunRate, rateName } from "./run-rate.ts";
import { type CopyInput, type CopySettings, inputFor } from "./settings.ts";
import { ndjson } from "./unit-progress.ts";

/** What a run does. */
export type RunMode = "backfill" | "verify";

/** What a run reads. */
export type PlannedSource =
  | { readonly kind: "table"; readonly table: string; readonly segments: number; readonly asOf: Micros }
  | { readonly kind: "export"; readonly table: string; readonly manifest: string; readonly asOf: Micros };

/** What all functions of a run know. It is the output of the state "Plan", and has less than two kilobytes. */
export interface Plan extends RunPlace {
  readonly mode: RunMode;
  readonly run: string;
  readonly startedAt: string;
  readonly source: PlannedSource;
  readonly origin: RecordOrigin;
  /** The object with the units, one JSON value per line. */
  readonly items: { readonly bucket: string; readonly key: string };
  /** Beginning of the keys of Step Functions' own results. */
  readonly results: string;
  readonly routes?: readonly string[];
}

/** The event that the state machine sends. */
export interface PlanEvent {
  readonly mode: RunMode;
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
  readonly table: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly logger: PipelineLogger;
  readonly clock: Clock;
  readonly s3: ReturnType<typeof s3Connection>;
  readonly dynamodb: ReturnType<typeof dynamodbConnection>;
}

const partsOf = (mode: RunMode, options: PlanOptions): PlanParts => {
  const factory = `${mode}Plan`;
  checkOptionNames(factory, options, {
    table: true,
    bucket: true,
    prefix: true,
    logger: true,
    clients: true,
    clock: true,
  });
  checkCopyClients(factory, options.clients);
  const { prefix = "sluice/runs/", logger = consoleLogger, clock = systemClock, clients = {} } = options;
  checkText("prefix", prefix);
  return {
    mode,
    table: required("table", options.table, "SLUICE_SOURCE_TABLE"),
    bucket: required("bucket", options.bucket, "SLUICE_RUN_BUCKET"),
    prefix,
    logger,
    clock,
    s3: s3Connection(clients.s3),
    dynamodb: dynamodbConnection(clients.dynamodb),
  };
};

const refused = (problem: string): ConfigError => new ConfigError("CONFIG_INVALID", problem);

/** The table, as DynamoDB describes it. */
interface Described {
  readonly origin: RecordOrigin;
  readonly bytes: number;
}

const describe = async ({ table, dynamodb }: PlanParts, run: string): Promise<Described> => {
  const client = await dynamodb.get();
  const { Table = {} } = await client.describeTable({ TableName: table });
  const { LatestStreamArn: streamArn, StreamSpecification, KeySchema = [], TableSizeBytes = 0 } = Table;
  if (streamArn === undefined || StreamSpecification?.StreamEnabled !== true) {
    throw refused(`the table ${table} has no stream; expected an enabled stream, which the pipeline's function reads`);
  }
  const keyNames = KeySchema.map(({ AttributeName = "" }) => AttributeName);
  return { origin: { run, streamArn, keyNames }, bytes: TableSizeBytes };
};

/** The source of a run, and the object with its units. */
type Planned = Pick<Plan, "source" | "items" | "origin">;

const planScan = async (
  parts: PlanParts,
  { origin, bytes }: Described,
  { segments, concurrency }: { readonly segments: number | undefined; readonly concurrency: number },
  [objects, place]: [RunObjects, RunPlace],
): Promise<Planned> => {
  const { table } = parts;
  const client = await parts.dynamodb.get();
  const asOf = await tableTime({ client, table });
  const source = { kind: "table", table, segments: segments ?? segmentCount(bytes, concurrency), asOf } as const;
  const units = await scanSource({ ...source, client, origin }).units();
  await objects.write("units.jsonl", ndjson(units));
  return { source, origin, items: { bucket: place.bucket, key: `${place.prefix}units.jsonl` } };
};

const manifestFiles = (manifest: string): { readonly bucket: string; readonly key: string } => {
  const [, bucket = "", folder = ""] = /^s3:\/\/([^/]+)\/(.*\/)?[^/]*$/.exec(manifest) ?? [];
  return { bucket, key: `${folder}manifest-files.json` };
};

const planExport = async (parts: PlanParts, manifest: string, { origin }: Described): Promise<Planned> => {
  const reader = exportSource({ client: await parts.s3.get(), manifest, origin });
  const { exportTimeMs } = await reader.summary();
  // Reads every line, so that a malformed manifest is refused before the first child starts.
  await reader.units();
  const asOf = String(exportTimeMs * 1_000).padStart(16, "0");
  return { source: { kind: "export", table: parts.table, manifest, asOf }, origin, items: manifestFiles(manifest) };
};

/** A run whose start is older than this cannot be continued: its tombstones might be purged before it ends. */
const maxAgeMs = 14 * 86_400_000;

const checkContinued = (parts: PlanParts, plan: Plan, { manifest, routes, segments }: CopyInput): void => {
  const { source } = plan;
  const found = `the run ${plan.run} is a ${plan.mode} of the table ${source.table}`;
  if (plan.mode !== parts.mode) throw refused(`${found}; expected a ${parts.mode}`);
  if (source.table !== parts.table) throw refused(`${found}; expected the table ${parts.table}`);
  const had = source.kind === "export" ? source.manifest : undefined;
  if (manifest !== undefined && manifest !== had)
    throw refused(`${found}, of ${had ?? "no export"}; expected ${manifest}`);
  if (routes !== undefined && JSON.stringify(routes) !== JSON.stringify(plan.routes)) {
    throw refused(`${found}, with ${plan.routes?.join(", ") ?? "all routes"}; expected ${routes.join(", ")}`);
  }
  if (segments !== undefined && source.kind === "table" && source.segments !== segments) {
    throw refused(`${found}, in ${source.segments} segments; expected ${segments}, because cursors belong to segments`);
  }
  const age = parts.clock.now() - Date.parse(plan.startedAt);
  if (age > maxAgeMs)
    throw refused(`${found}, and started ${plan.startedAt}; expected a start within 14 days: start a new run`);
};

/** Loads the plan of an earlier run, and checks that this run may continue it. */
const continued = async (parts: PlanParts, objects: RunObjects, input: CopyInput): Promise<Plan> => {
  const stored = await objects.read("plan.json");
  if (stored === undefined) throw refused(`there is no run ${input.run}; expected the name of an earlier execution`);
  const plan = JSON.parse(stored.text) as Plan;
  checkContinued(parts, plan, input);
  const { origin } = await describe(parts, plan.run);
  if (origin.streamArn === plan.origin.streamArn) return plan;
  const found = `the run ${plan.run} is of the stream ${plan.origin.streamArn}`;
  throw refused(`${found}; expected the table's present stream ${origin.streamArn}: start a new run`);
};

const started = async (
  parts: PlanParts,
  { execution, startedAt, maxConcurrency }: PlanEvent,
  { manifest, segments, routes }: CopyInput,
  [objects, place]: [RunObjects, RunPlace],
): Promise<Plan> => {
  const described = await describe(parts, execution);
  const planned =
    manifest === undefined
      ? await planScan(parts, described, { segments, concurrency: maxConcurrency }, [objects, place])
      : await planExport(parts, manifest, described);
  const common = { mode: parts.mode, run: execution, startedAt, results: `${place.prefix}results` };
  const plan: Plan = { ...place, ...common, ...planned, ...(routes !== undefined && { routes }) };
  await objects.write("plan.json", JSON.stringify(plan));
  return plan;
};

const planHandler = (mode: RunMode, options: PlanOptions): PlanHandler => {
  const parts = partsOf(mode, options);
  return async (event) => {
    const input = inputFor(event.settings, event.input);
    if (mode === "verify" && input.manifest !== undefined) {
      throw refused("a verify reads the table itself; expected an input without manifest");
    }
    const place = { bucket: parts.bucket, prefix: `${parts.prefix}${input.run ?? event.execution}/` };
    const objects = openRunObjects(parts.s3, place);
    const plan =
      input.run === undefined
        ? await started(parts, event, input, [objects, place])
        : await continued(parts, objects, input);
    const { readUnitsPerSecond } = input;
    const rate: RunRate = {
      concurrency: event.maxConcurrency,
      ...(readUnitsPerSecond !== undefined && { readUnitsPerSecond }),
    };
    await objects.write(rateName, JSON.stringify(rate));
    parts.logger.info(`${mode} planned`, { ...plan });
    return plan;
  };
};

/**
 * Creates the function of the state "Plan" of a backfill. `backfillPlan` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const backfillPlan = (options: PlanOptions = {}): PlanHandler => planHandler("backfill", options);

/**
 * Creates the function of the state "Plan" of a verify. `verifyPlan` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const verifyPlan = (options: PlanOptions = {}): PlanHandler => planHandler("verify", options);
