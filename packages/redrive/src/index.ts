export {
  maxFailuresInARow,
  type RedriveEngine,
  type RedriveEngineOptions,
  redriveEngine,
  routeOrder,
  unsent,
} from "./engine.ts";
export { BrokenFunctionError, FunctionFailedError, functionFailed } from "./function-error.ts";
export { invokeFunction, type LambdaClient, lambdaService } from "./lambda.ts";
export { envelopeOrder, inOrder, invocationOrder, type MessageOrder } from "./message-order.ts";
export { type MessageRate, messageRate } from "./message-rate.ts";
export { type Removal, type Removing, removeWithRecords, withRecord } from "./payload.ts";
export { type Counts, type RunCounts, runCounts } from "./run-counts.ts";
export {
  maxRequestBytes,
  maxRequestMessages,
  type RedriveEvent,
  type RedriveResult,
  type TaskRecord,
  UnexpectedAnswerError,
} from "./task.ts";
