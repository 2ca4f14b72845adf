export type {
  Abilities,
  About,
  ConsoleQueueKind,
  EngineAbout,
  PasteLine,
  PipelineAbout,
  QueueAbout,
  RouteAbout,
} from "./api/about.ts";
export type { ChangeFilter, ChangePage, ChangeRow, RowOutcome } from "./api/changes.ts";
export type {
  DeadLetterEdit,
  DeadLetterPage,
  DeadLetterResult,
  DeadLetterRow,
  DeadLetterSelection,
  DeadLetterView,
  DropResult,
} from "./api/dead-letters.ts";
export type { DoctorView } from "./api/doctor.ts";
export type { ItemQuestion, ItemValues, ItemView, TargetValues } from "./api/item.ts";
export type { LiveLine } from "./api/live.ts";
export type { Overview, PipelineNow, PipelineStatus, QueueNow, RouteNow, RouteSeries } from "./api/overview.ts";
export type {
  BackfillInput,
  RedriveInput,
  RunFinding,
  RunInput,
  RunKind,
  RunResult,
  RunStatus,
  RunStep,
  RunView,
  VerifyInput,
} from "./api/runs.ts";
export { createFeed, type FeedOptions } from "./feed/create-feed.ts";
export type { ChangeFeed, RouteMeasure } from "./feed/feed.ts";
export type { ConsoleHost, RunCall } from "./host.ts";
export { type Console, type ConsoleOptions, startConsole } from "./server/start.ts";
