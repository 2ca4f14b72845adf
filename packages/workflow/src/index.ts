export type { ApprovalSecret } from "./approval/approval-link.ts";
export {
  type ApprovalPageHandler,
  type ApprovalPageOptions,
  approvalPageHandler,
  type Decision,
  type TaskClient,
} from "./approval/approval-page.ts";
export {
  type ApprovalRequestEvent,
  type ApprovalRequestHandler,
  type ApprovalRequestOptions,
  approvalRequestHandler,
} from "./approval/approval-request.ts";
export { type BatchEvent, type BatchHandler, batchHandler, type RedriveMode } from "./redrive/batch.ts";
export type { BatchOptions } from "./redrive/batch-options.ts";
export { type Fix, type FixAnswer, type LambdaFixOptions, lambdaFix } from "./redrive/fix.ts";
export type { LambdaClient } from "../../redrive/src/lambda.ts";
export type { HttpAnswer, HttpEvent } from "./approval/http-event.ts";
export type { News, NewsOptions, TopicClient } from "./run/notification.ts";
export type { Counts, Progress, Settled, StopReason } from "./run/progress.ts";
export type { Depth, QueueClient } from "./run/queue.ts";
export {
  type FinalState,
  type Report,
  type ReportEvent,
  type ReportHandler,
  type ReportOptions,
  type RunOutcome,
  reportHandler,
} from "./report.ts";
export type { SourceTableClient } from "./redrive/republish.ts";
export type { Settings } from "./run/settings.ts";
export {
  type RedriveStateMachineOptions,
  redriveStateMachine,
  type State,
  type StateMachine,
} from "./state-machine.ts";
export { type Survey, type SurveyEvent, type SurveyHandler, type SurveyOptions, surveyHandler } from "./run/survey.ts";
export type { Tally } from "./run/counts-by-sink.ts";
