// The state machine, in Amazon States Language with JSONPath. The data that it passes between its states is limited to
// 256 KiB. This data contains counts and hashes of message ids, but no messages, so even a full queue is no problem.

import { checkOptionNames, checkText, checkWhole, invalidOption } from "@sluice/core/sink-kit";
import { progressMembers } from "./redrive/progress.ts";
import { type RedriveMode, type RunSettings, settingsIn } from "./redrive/settings.ts";

/** Options of the state machine. The input of an execution may override the members of `RunSettings`. */
export interface RedriveStateMachineOptions extends RunSettings {
  /** `redrive` sends a dead letter to the sink that failed. `republish` updates its item instead. Default `redrive`. */
  readonly mode?: RedriveMode;
  /** If this option is set, the run waits until a person approves it. Default: no approval is needed. */
  readonly approval?: {
    /** Seconds to wait for the decision. Default: one day. Maximum: 14 days, because SQS deletes older messages. */
    readonly timeoutSeconds?: number;
  };
  /** Maximum number of batches. Default and maximum: 500, because Step Functions allows 25,000 events per execution. */
  readonly maxBatches?: number;
  /** Timeout in seconds for each function call. Should not be shorter than the functions' own timeouts. Default 900. */
  readonly functionTimeoutSeconds?: number;
  /** AWS partition, for ARNs such as `arn:aws:states:::lambda:invoke`. Default `aws`. */
  readonly partition?: string;
}

/** A state in Amazon States Language. */
export interface StateDefinition {
  readonly Type: "Task" | "Choice" | "Pass" | "Map" | "Wait" | "Succeed" | "Fail";
  readonly [field: string]: unknown;
}

/** A state machine's definition. Encode it with `JSON.stringify`. Set the placeholders by `DefinitionSubstitutions`. */
export interface StateMachine {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: { readonly [name: string]: StateDefinition };
}

/** Names of the placeholders in a definition. Each placeholder stands for the ARN of a function. */
export const placeholders = {
  inspection: "InspectionFunctionArn",
  approvalRequest: "ApprovalRequestFunctionArn",
  batch: "BatchFunctionArn",
  report: "ReportFunctionArn",
} as const;

/** A member of a task's `Retry`. */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
  readonly [field: string]: unknown;
}

/** Retrier that prevents retries after a configuration error. */
export const misconfigured: Retrier = { ErrorEquals: ["ConfigError"], MaxAttempts: 0 };

const throttled: Retrier = {
  ErrorEquals: ["RedriveThrottledError", "Lambda.TooManyRequestsException"],
  IntervalSeconds: 5,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 8,
  JitterStrategy: "FULL",
};

/** @see https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception (read 2026-11-25) */
export const serviceErrors: Retrier = {
  ErrorEquals: [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
  ],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxAttempts: 4,
  JitterStrategy: "FULL",
};

/** Retrier for crashes and timeouts. A crashed batch's messages become visible again after their visibility timeout. */
const crashed: Retrier = { ErrorEquals: ["States.ALL"], IntervalSeconds: 30, BackoffRate: 2, MaxAttempts: 2 };

const retries: readonly Retrier[] = [misconfigured, throttled, serviceErrors, crashed];

/** Retriers of the approval request. They do not retry a timeout, which means that no decision came in time. */
const retriesOfRequest = [...retries.slice(0, -1), { ...crashed, ErrorEquals: ["States.TaskFailed"] }];

const attemptsOfBatch = retries.reduce((attempts, { MaxAttempts }) => attempts + MaxAttempts, 1);

/** Number of history events of a batch: two for the state, three per attempt, and two for the choice that follows. */
const eventsOfBatch = 2 + 3 * attemptsOfBatch + 2;

/** Number of history events of all states other than the batch. Rounded up: each such state counts as a batch. */
const eventsOfOthers = 4 * eventsOfBatch;

/** Maximum number of batches of an execution. */
export const maxBatchesLimit = 500;

/** Returns the maximum number of history events of an execution with `batches` batches. AWS allows 25,000. */
export const historyEvents = (batches: number): number => eventsOfOthers + batches * eventsOfBatch;

const daySeconds = 86_400;
const maxDays = 14;

/** Checks the options, and adds the defaults. */
const checked = (options: RedriveStateMachineOptions) => {
  checkOptionNames("redriveStateMachine", options, {
    mode: true,
    approval: true,
    maxBatches: true,
    functionTimeoutSeconds: true,
    partition: true,
    ratePerSecond: true,
    maxFailures: true,
    maxMessages: true,
  });
  checkOptionNames("redriveStateMachine: approval", options.approval ?? {}, { timeoutSeconds: true });
  const { mode = "redrive", partition = "aws", maxBatches = maxBatchesLimit, functionTimeoutSeconds = 900 } = options;
  const { timeoutSeconds = daySeconds } = options.approval ?? {};
  if (mode !== "redrive" && mode !== "republish") throw invalidOption("mode", 'must be "redrive" or "republish"');
  checkText("partition", partition);
  const settings = settingsIn(options);
  checkWhole("maxBatches", maxBatches, [1, maxBatchesLimit]);
  checkWhole("functionTimeoutSeconds", functionTimeoutSeconds, [1, 900]);
  checkWhole("approval.timeoutSeconds", timeoutSeconds, [1, maxDays * daySeconds]);
  return { mode, partition, settings, maxBatches, functionTimeoutSeconds, timeoutSeconds };
};

type CheckedOptions = ReturnType<typeof checked>;

/** Members of an object of the definition. */
export type Members = Readonly<Record<string, unknown>>;

/** Creates a catcher of every error, which goes on with another state. */
export const caught = (next: string): Members => ({ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: next });

/** The function that a task state calls, by its placeholder, and its payload. */
export type FunctionCall = readonly [placeholder: string, payload: Members];

/** What the task states of a machine have in common. */
export interface TaskSettings {
  readonly partition: string;
  readonly functionTimeoutSeconds: number;
}

/** Creates a task state that calls a function. `more` contains fields that are added, or that replace other fields. */
export const functionTask = (
  { partition, functionTimeoutSeconds }: TaskSettings,
  retriers: readonly Retrier[],
  [placeholder, Payload]: FunctionCall,
  more: Members,
): StateDefinition => ({
  Type: "Task",
  Resource: `arn:${partition}:states:::lambda:invoke`,
  Parameters: { FunctionName: `\${${placeholder}}`, Payload },
  TimeoutSeconds: functionTimeoutSeconds,
  Retry: retriers,
  ...more,
});

const task = (options: CheckedOptions, call: FunctionCall, more: Members): StateDefinition =>
  functionTask(options, retries, call, { Catch: [caught("Report")], ...more });

/** Parts of a function's input that come from Step Functions' context object. */
const execution = { "run.$": "$$.Execution.Id", "startedAt.$": "$$.Execution.StartTime" };

const inspection = (options: CheckedOptions): StateDefinition =>
  task(options, [placeholders.inspection, { settings: options.settings, "input.$": "$" }], {
    // No `ResultPath`: the output, or the error, replaces the whole input, because the input may have any members.
    ResultSelector: { "inspection.$": "$.Payload.inspection", "progress.$": "$.Payload.progress" },
    Catch: [{ ErrorEquals: ["States.ALL"], Next: "Inspection failed" }],
    Next: "Is the queue empty?",
  });

const approvalRequest = (options: CheckedOptions): StateDefinition => {
  const { mode, partition, timeoutSeconds } = options;
  const payload = { "token.$": "$$.Task.Token", "run.$": execution["run.$"], mode, timeoutSeconds };
  return task(options, [placeholders.approvalRequest, { ...payload, "inspection.$": "$.inspection" }], {
    Resource: `arn:${partition}:states:::lambda:invoke.waitForTaskToken`,
    TimeoutSeconds: timeoutSeconds,
    Retry: retriesOfRequest,
    Catch: [{ ErrorEquals: ["States.Timeout"], ResultPath: "$.expired", Next: "Report" }, caught("Report")],
    ResultPath: "$.approval",
    Next: "Approved?",
  });
};

const batch = (options: CheckedOptions): StateDefinition => {
  const payload = { mode: options.mode, ...execution, "retries.$": "$$.State.RetryCount" };
  const state = { "settings.$": "$.inspection.settings", "progress.$": "$.progress" };
  return task(options, [placeholders.batch, { ...payload, ...state }], {
    ResultSelector: Object.fromEntries(progressMembers.map((name) => [`${name}.$`, `$.Payload.${name}`])),
    ResultPath: "$.progress",
    Next: "More?",
  });
};

const report = (options: CheckedOptions): StateDefinition =>
  task(options, [placeholders.report, { mode: options.mode, ...execution, "state.$": "$" }], {
    ResultSelector: { "report.$": "$.Payload" },
    Catch: [caught("No report")],
    Next: "Ended well?",
  });

/** Creates a state with one rule. */
export const choice = (rule: Record<string, unknown>, otherwise: string): StateDefinition => ({
  Type: "Choice",
  Choices: [rule],
  Default: otherwise,
});

/**
 * Creates the definition of a Standard state machine that empties the dead-letter queue. The definition contains a
 * placeholder for the ARN of each function: four with the option `approval`, three without it.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const redriveStateMachine = (options: RedriveStateMachineOptions = {}): StateMachine => {
  const given = checked(options);
  const hasApproval = options.approval !== undefined;
  const isMore = { Variable: "$.progress.next", StringEquals: "more" };
  const isBelowLimit = { Variable: "$.progress.batches", NumericLessThan: given.maxBatches };
  const isEmpty = { Variable: "$.inspection.isEmpty", BooleanEquals: true, Next: "Report" };
  const isApproved = { Variable: "$.approval.decision", StringEquals: "approved", Next: "Redrive a batch" };
  const approvalStates = {
    "Ask for approval": approvalRequest(given),
    "Approved?": choice(isApproved, "Report"),
  };
  return {
    Comment: "Redrives dead letters. Created by redriveStateMachine of @sluice/workflow.",
    StartAt: "Inspect the queue",
    States: {
      "Inspect the queue": inspection(given),
      "Inspection failed": { Type: "Pass", Parameters: { "error.$": "$" }, Next: "Report" },
      "Is the queue empty?": choice(isEmpty, hasApproval ? "Ask for approval" : "Redrive a batch"),
      ...(hasApproval && approvalStates),
      "Redrive a batch": batch(given),
      "More?": choice({ And: [isMore, isBelowLimit], Next: "Redrive a batch" }, "Report"),
      Report: report(given),
      "Ended well?": choice({ Variable: "$.report.outcome", StringEquals: "failed", Next: "Failed" }, "Done"),
      Done: { Type: "Succeed", OutputPath: "$.report" },
      Failed: { Type: "Fail", Error: "RedriveFailed", CausePath: "$.report.reason" },
      "No report": { Type: "Fail", Error: "RedriveNotReported", CausePath: "$.error.Cause" },
    },
  };
};
