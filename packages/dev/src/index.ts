export { type DevCall, type DevOptions, type DevPipeline, type DevReports, type DevRun, startDev } from "./dev-run.ts";
