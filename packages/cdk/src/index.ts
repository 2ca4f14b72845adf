export { pipelineAlarms } from "./alarms/alarm-list.ts";
export {
  type AlarmId,
  type AlarmRow,
  type AlarmSource,
  logNamespace,
  periodsText,
  runbook,
  thresholdText,
} from "./alarms/alarm-row.ts";
export { PipelineAlarms, type PipelineAlarmsOptions, type PipelineAlarmsProps } from "./alarms/pipeline-alarms.ts";
export {
  PipelineDashboard,
  type PipelineDashboardOptions,
  type PipelineDashboardProps,
} from "./alarms/pipeline-dashboard.ts";
export { DeployError } from "./errors.ts";
export type { PipelineResources } from "./pipeline/resources.ts";
export type { FunctionNetwork, SinkAccess, SinkUse } from "./sinks/sink-access.ts";
