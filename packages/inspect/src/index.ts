export { metricNamespace } from "@sluice/rules";
export { type Answer, ask, isAnswered, knownValue, type Unanswered } from "./aws/answer.ts";
export { type Clients, closeClients, openClients, type Service } from "./aws/clients.ts";
export { type DeployedTable, type DeploymentFacts, deploymentFacts } from "./deployment/deployment-facts.ts";
export { type DoctorOptions, doctor, doctorCodes, type Report as DoctorReport } from "./doctor/doctor.ts";
export { type DoctorTargetsOptions, doctorTargets, type TargetsReport } from "./doctor/doctor-targets.ts";
export { type Area, areas, type Finding as DoctorFinding, type Level } from "./doctor/finding.ts";
export type { FunctionFacts, Variables } from "./doctor/function-facts.ts";
export { doctorActions, doctorPolicy } from "./doctor/policy.ts";
export type { QueueAttributes, QueueFacts, QueueUse } from "./doctor/queue-facts.ts";
export {
  type GetItemClient,
  type ItemReading,
  readContents,
  type TargetContents,
  type TracedTable,
} from "./trace/item.ts";
export type { TraceLogsClient } from "./trace/logs.ts";
export type { FetchRecord, TracedQueue } from "./trace/queues.ts";
export type {
  Conclusion,
  HeldSight,
  ItemTrace,
  LoggedDelivery,
  LogSight,
  QueuedDelivery,
  QueueKind,
  QueuePart,
  QueueSight,
  RouteState,
  StreamChange,
  StreamSight,
  TableSight,
  TargetSight,
} from "./trace/story.ts";
export type { TraceStreamsClient } from "./trace/stream.ts";
export { type TraceLimits, type TraceOptions, traceItem } from "./trace/trace-item.ts";
