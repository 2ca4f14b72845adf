export { DevError } from "./dev-error.ts";
export type {
  DevCall,
  DevEngine,
  DevOptions,
  DevPipeline,
  DevReports,
  DevRun,
  KeyedDelivery,
} from "./dev-run.ts";
export { startDev } from "./start-dev.ts";
export type { DevQueue, DevRoute, TableKey, TableKeyAttribute } from "./worker/messages.ts";
