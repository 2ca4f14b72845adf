export { pipelineAlarms } from "./alarms/alarm-list.ts";
export {
  type AlarmDimension,
  type AlarmId,
  type AlarmMetric,
  type AlarmResource,
  type AlarmRow,
  type AlarmValue,
  type MissingData,
  metricNamespace,
  runbook,
} from "./alarms/alarm-row.ts";
export { periodsText, thresholdText, valueText } from "./alarms/alarm-text.ts";
export { type AlarmExpression, alarmExpression, alarmValue } from "./alarms/alarm-value.ts";
export { type AlarmResources, alarmsOf, type PipelineAlarm } from "./alarms/alarms-of.ts";
export { DeployError } from "./errors.ts";
export { checkFilters, type FilterPattern } from "./judge/filters.ts";
export { type RuleCode, type RuleFinding, ruleCodes } from "./judge/finding.ts";
export { judgeTemplate } from "./judge/judge.ts";
export { type RightId, type RightRow, rightRows } from "./rights/right-rows.ts";
