// What the generated entries of plans and workers import.

export { backfillWorker } from "../backfill/backfill-worker.ts";
export { backfillPlan, verifyPlan } from "../backfill/plan.ts";
export { verifyWorker } from "../backfill/verify-worker.ts";
export { onlyPipeline } from "./only-pipeline.ts";
