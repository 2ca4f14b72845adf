export { DeployError } from "./errors.ts";
export type { PipelineResources } from "./pipeline/resources.ts";
export type { FunctionNetwork, SinkAccess, SinkUse } from "./sinks/sink-access.ts";
