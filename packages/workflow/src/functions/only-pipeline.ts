// Finds the pipeline among the exports of a user's module.

import { invalidOption } from "@sluice/core/sink-kit";
import type { WorkerPipeline } from "../backfill/backfill-worker.ts";

const isPipeline = (value: unknown): value is WorkerPipeline =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as Partial<WorkerPipeline>).handler === "function" &&
  typeof (value as Partial<WorkerPipeline>).targets === "function";

/** Returns the only pipeline that a module exports. @throws {ConfigError} CONFIG_INVALID if there are none or several. */
export const onlyPipeline = (exports: Readonly<Record<string, unknown>>): WorkerPipeline => {
  const found = Object.entries(exports).filter(([, value]) => isPipeline(value));
  const pipelines = [...new Set(found.map(([, value]) => value))];
  if (pipelines.length === 1) return pipelines[0] as WorkerPipeline;
  const names = found.map(([name]) => name).join(", ") || "no pipeline";
  throw invalidOption("pipelineExport", `is missing, and the module exports ${names}; expected one pipeline`);
};
