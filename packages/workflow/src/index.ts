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
export {
  type BackfillWorkerOptions,
  backfillWorker,
  type WorkerPipeline,
} from "./backfill/backfill-worker.ts";
export type { CopyClients } from "./backfill/clients.ts";
export {
  backfillPlan,
  type PlanHandler,
  verifyPlan,
} from "./backfill/plan.ts";
export type { PlanOptions } from "./backfill/plan-options.ts";
export {
  type BackfillReport,
  type BackfillReportHandler,
  backfillReport,
  type CopyReport,
  type CopyReportEvent,
  type CopyReportOptions,
} from "./backfill/report.ts";
export type { Plan, PlanEvent } from "./backfill/run-plan.ts";
export type { CopyInput, CopySettings } from "./backfill/settings.ts";
export {
  backfillStateMachine,
  type CopyStateMachine,
  type CopyStateMachineOptions,
  verifyStateMachine,
} from "./backfill/state-machine.ts";
export type { TurnEvent, TurnHandler, TurnOptions, TurnResult } from "./backfill/turn.ts";
export {
  type VerifyReportHandler,
  type VerifyReportOptions,
  type VerifyRunReport,
  verifyReport,
} from "./backfill/verify-report.ts";
export { type VerifyCounts, type VerifyWorkerOptions, verifyWorker } from "./backfill/verify-worker.ts";
export { copyModule, type FunctionName, functionEntry } from "./functions/entry.ts";
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
