export { DevError } from "./dev-error.ts";
export type {
  DevCall,
  DevEngine,
  DevOptions,
  DevPipeline,
  DevQueueDepth,
  DevReports,
  DevRoute,
  DevRun,
  KeyedDelivery,
} from "./dev-run.ts";
export { startDev } from "./start-dev.ts";
export type { DevQueue, KeyAttribute, TableKey } from "./worker/messages.ts";
