// The options of the functions that plan a run.

import { type CheckName, checkNames } from "@sluice/backfill";
import {
  type Clock,
  checkOptionNames,
  checkText,
  invalidOption,
  type PipelineLogger,
  systemClock,
} from "@sluice/core/sink-kit";
import { consoleLogger, optional, required } from "../redrive/environment.ts";
import type { WorkerPipeline } from "./backfill-worker.ts";
import { type CopyClients, checkCopyClients, dynamodbConnection, mappingsConnection, s3Connection } from "./clients.ts";
import type { RunMode } from "./run-plan.ts";

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
export interface PlanParts {
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

/** Checks the options, and adds the defaults. @throws {ConfigError} CONFIG_INVALID when an option is wrong or missing. */
export const planParts = (mode: RunMode, pipeline: WorkerPipeline, options: PlanOptions): PlanParts => {
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
