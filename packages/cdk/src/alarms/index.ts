export { pipelineAlarms } from "./alarm-list.ts";
export {
  type AlarmId,
  type AlarmRow,
  type AlarmSource,
  logNamespace,
  periodsText,
  runbook,
  thresholdText,
} from "./alarm-row.ts";
