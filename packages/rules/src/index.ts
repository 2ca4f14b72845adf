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
export { DeployError } from "./errors.ts";
export { checkFilters, type FilterPattern } from "./judge/filters.ts";
export { type RuleCode, type RuleFinding, ruleCodes } from "./judge/finding.ts";
export { judgeTemplate } from "./judge/judge.ts";
export { type RightId, type RightRow, rightRows } from "./rights/right-rows.ts";
