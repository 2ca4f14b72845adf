export type { ApprovalSecret } from "./approval-link.ts";
export {
  type ApprovalPageHandler,
  type ApprovalPageOptions,
  approvalPageHandler,
  type Decision,
  type TaskClient,
} from "./approval-page.ts";
export {
  type ApprovalRequestEvent,
  type ApprovalRequestHandler,
  type ApprovalRequestOptions,
  approvalRequestHandler,
} from "./approval-request.ts";
export { type BatchEvent, type BatchHandler, batchHandler, type RedriveMode } from "./batch.ts";
export type { BatchOptions } from "./batch-options.ts";
export { type Fix, type FixAnswer, type LambdaFixOptions, lambdaFix } from "./fix.ts";
export type { LambdaClient } from "./function-call.ts";
export type { HttpAnswer, HttpEvent } from "./http-event.ts";
export type { News, NewsOptions, TopicClient } from "./news.ts";
export type { Counts, Progress, Settled, StopReason } from "./progress.ts";
export type { Depth, QueueClient } from "./queue.ts";
export {
  type FinalState,
  type Report,
  type ReportEvent,
  type ReportHandler,
  type ReportOptions,
  type RunOutcome,
  reportHandler,
} from "./report.ts";
export type { SourceTableClient } from "./republish.ts";
export type { Settings } from "./settings.ts";
export {
  type RedriveStateMachineOptions,
  redriveStateMachine,
  type State,
  type StateMachine,
} from "./state-machine.ts";
export { type Survey, type SurveyEvent, type SurveyHandler, type SurveyOptions, surveyHandler } from "./survey.ts";
export type { Tally } from "./tally.ts";
