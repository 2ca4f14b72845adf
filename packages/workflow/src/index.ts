export type { LambdaClient } from "@sluice/redrive";
export type { ApprovalSecret } from "./approval/approval-link.ts";
export {
  type ApprovalDecision,
  type ApprovalPageHandler,
  type ApprovalPageOptions,
  approvalPageHandler,
  type TaskClient,
} from "./approval/approval-page.ts";
export {
  type ApprovalRequestEvent,
  type ApprovalRequestHandler,
  type ApprovalRequestOptions,
  approvalRequestHandler,
} from "./approval/approval-request.ts";
export type { HttpAnswer, HttpEvent } from "./approval/http-event.ts";
export { type BatchEvent, type BatchHandler, batchHandler } from "./redrive/batch.ts";
export type { BatchOptions } from "./redrive/batch-options.ts";
export type { CountsBySink } from "./redrive/counts-by-sink.ts";
export { type Fix, type FixAnswer, type LambdaFixOptions, lambdaFix } from "./redrive/fix.ts";
export {
  type Inspection,
  type InspectionEvent,
  type InspectionHandler,
  type InspectionOptions,
  inspectionHandler,
} from "./redrive/inspection.ts";
export type { Notification, NotificationOptions, TopicClient } from "./redrive/notification.ts";
export type { DoneOutcome, Progress, RedriveCounts, StopReason } from "./redrive/progress.ts";
export type { RedriveQueueClient } from "./redrive/queue.ts";
export {
  type FinalState,
  type Report,
  type ReportEvent,
  type ReportHandler,
  type ReportOptions,
  type RunOutcome,
  reportHandler,
} from "./redrive/report.ts";
export type { SourceTableClient } from "./redrive/republish.ts";
export type { RedriveMode, RunSettings } from "./redrive/settings.ts";
export {
  type RedriveStateMachineOptions,
  redriveStateMachine,
  type StateDefinition,
  type StateMachine,
} from "./state-machine.ts";
