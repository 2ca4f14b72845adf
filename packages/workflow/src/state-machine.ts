// The state machine, in Amazon States Language with JSONPath. States carry counts and what was tried, never a message:
// whatever is in the queue, no state comes near the 256 KiB that it may hold.

import { checkText, checkWhole, invalidOption } from "@sluice/core/sink-kit";
import type { RedriveMode } from "./redrive/batch.ts";
import { progressMembers } from "./run/progress.ts";
import { checkSettings, type Settings } from "./run/settings.ts";

/** Options of the state machine. The settings can be said anew in the input of each execution. */
export interface RedriveStateMachineOptions extends Settings {
  /** `redrive` (default): to the sink that failed; `republish`: by touching the items in the source table. */
  readonly mode?: RedriveMode;
  /** Waits for a human. Default: nobody is asked. */
  readonly approval?: {
    /** Seconds to wait before it counts as no. Default a day, at most 14: so long a queue keeps its messages. */
    readonly timeoutSeconds?: number;
  };
  /** Batches of one execution, so that its history stays within Step Functions' 25,000 events. Default and most 500. */
  readonly maxBatches?: number;
  /** Seconds that the functions may take: as long as their own timeouts. Default 900. */
  readonly functionTimeoutSeconds?: number;
  /** Of the ARNs of Step Functions' own integrations. Default `aws`. */
  readonly partition?: string;
}

/** A state, as Amazon States Language has it. */
export interface State {
  readonly Type: "Task" | "Choice" | "Pass" | "Succeed" | "Fail";
  readonly [field: string]: unknown;
}

/** A definition: `JSON.stringify` it, and give its placeholders as `DefinitionSubstitutions`. */
export interface StateMachine {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: { readonly [name: string]: State };
}

/** The placeholders in a definition, each for the ARN of a function. */
export const placeholders = {
  survey: "SurveyFunctionArn",
  approvalRequest: "ApprovalRequestFunctionArn",
  batch: "BatchFunctionArn",
  report: "ReportFunctionArn",
} as const;

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
  readonly [field: string]: unknown;
}

/** What a repeat does not mend. */
const misconfigured: Retrier = { ErrorEquals: ["ConfigError"], MaxAttempts: 0 };

const throttled: Retrier = {
  ErrorEquals: ["RedriveThrottledError", "Lambda.TooManyRequestsException"],
  IntervalSeconds: 5,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 8,
  JitterStrategy: "FULL",
};

/** @see https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception (read 2026-11-25) */
const serviceErrors: Retrier = {
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

/** Crashes and timeouts. Messages of a batch that crashed are hidden for a while, and come back. */
const crashed: Retrier = { ErrorEquals: ["States.ALL"], IntervalSeconds: 30, BackoffRate: 2, MaxAttempts: 2 };

const retries: readonly Retrier[] = [misconfigured, throttled, serviceErrors, crashed];

/** Not a timeout: that is the human's answer. */
const retriesOfRequest: readonly Retrier[] = [
  misconfigured,
  throttled,
  serviceErrors,
  { ...crashed, ErrorEquals: ["States.TaskFailed"] },
];

const triesOfBatch = retries.reduce((tries, { MaxAttempts }) => tries + MaxAttempts, 1);

/** Entered and exited, three events for each try, and the choice behind it. */
const eventsOfBatch = 2 + 3 * triesOfBatch + 2;

/** Survey, approval, report and the choices, likewise tried to the last. */
const eventsOfOthers = 4 * eventsOfBatch;

/** Most batches of an execution. */
export const mostBatches = 500;

/** Events in the history of an execution with so many batches, at the most: Step Functions ends it at 25,000. */
export const historyEvents = (batches: number): number => eventsOfOthers + batches * eventsOfBatch;

const caught = (next: string) => ({ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: next });

interface FunctionTask {
  readonly placeholder: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly options: RedriveStateMachineOptions;
}

const task = ({ placeholder, payload, options }: FunctionTask, more: Record<string, unknown>): State => ({
  Type: "Task",
  Resource: `arn:${options.partition ?? "aws"}:states:::lambda:invoke`,
  Parameters: { FunctionName: `\${${placeholder}}`, Payload: payload },
  TimeoutSeconds: options.functionTimeoutSeconds ?? defaultTimeoutSeconds,
  Retry: retries,
  Catch: [caught("Report")],
  ...more,
});

const defaultTimeoutSeconds = 900;
const daySeconds = 86_400;
const mostDays = 14;

const settingsOf = ({ ratePerSecond, maxFailures, maxMessages }: RedriveStateMachineOptions): Settings => ({
  ...(ratePerSecond !== undefined && { ratePerSecond }),
  ...(maxFailures !== undefined && { maxFailures }),
  ...(maxMessages !== undefined && { maxMessages }),
});

const survey = (options: RedriveStateMachineOptions): State =>
  task(
    { placeholder: placeholders.survey, payload: { settings: settingsOf(options), "input.$": "$" }, options },
    // The input goes, also when the state fails: only settings are carried on, whatever else was in it.
    {
      ResultSelector: { "survey.$": "$.Payload.survey", "progress.$": "$.Payload.progress" },
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "Not surveyed" }],
      Next: "Anything to do?",
    },
  );

const approvalRequest = (options: RedriveStateMachineOptions, mode: RedriveMode, timeoutSeconds: number): State =>
  task(
    {
      placeholder: placeholders.approvalRequest,
      payload: {
        "token.$": "$$.Task.Token",
        "run.$": "$$.Execution.Id",
        mode,
        timeoutSeconds,
        "survey.$": "$.survey",
      },
      options,
    },
    {
      Resource: `arn:${options.partition ?? "aws"}:states:::lambda:invoke.waitForTaskToken`,
      TimeoutSeconds: timeoutSeconds,
      Retry: retriesOfRequest,
      Catch: [{ ErrorEquals: ["States.Timeout"], ResultPath: "$.expired", Next: "Report" }, caught("Report")],
      ResultPath: "$.approval",
      Next: "Approved?",
    },
  );

const batch = (options: RedriveStateMachineOptions, mode: RedriveMode): State =>
  task(
    {
      placeholder: placeholders.batch,
      payload: {
        mode,
        "run.$": "$$.Execution.Id",
        "startedAt.$": "$$.Execution.StartTime",
        "retries.$": "$$.State.RetryCount",
        "settings.$": "$.survey.settings",
        "progress.$": "$.progress",
      },
      options,
    },
    {
      ResultSelector: Object.fromEntries(progressMembers.map((name) => [`${name}.$`, `$.Payload.${name}`])),
      ResultPath: "$.progress",
      Next: "More?",
    },
  );

const report = (options: RedriveStateMachineOptions, mode: RedriveMode): State =>
  task(
    {
      placeholder: placeholders.report,
      payload: { mode, "run.$": "$$.Execution.Id", "startedAt.$": "$$.Execution.StartTime", "state.$": "$" },
      options,
    },
    {
      ResultSelector: { "report.$": "$.Payload" },
      Catch: [caught("No report")],
      Next: "Ended well?",
    },
  );

const choice = (rule: Record<string, unknown>, otherwise: string): State => ({
  Type: "Choice",
  Choices: [rule],
  Default: otherwise,
});

const moreBatches = (maxBatches: number): State =>
  choice(
    {
      And: [
        { Variable: "$.progress.next", StringEquals: "more" },
        { Variable: "$.progress.batches", NumericLessThan: maxBatches },
      ],
      Next: "Redrive a batch",
    },
    "Report",
  );

const check = (options: RedriveStateMachineOptions): void => {
  const { mode = "redrive", partition = "aws" } = options;
  if (mode !== "redrive" && mode !== "republish") throw invalidOption("mode", 'must be "redrive" or "republish"');
  checkText("partition", partition);
  checkSettings(options);
  checkWhole("maxBatches", options.maxBatches ?? mostBatches, [1, mostBatches]);
  checkWhole("functionTimeoutSeconds", options.functionTimeoutSeconds ?? defaultTimeoutSeconds, [1, 900]);
  checkWhole("approval.timeoutSeconds", options.approval?.timeoutSeconds ?? daySeconds, [1, mostDays * daySeconds]);
};

/**
 * The definition of a Standard state machine that drains the dead-letter queue. Placeholders stand for the ARNs of the
 * four functions; without `approval`, of three.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name.
 */
export const redriveStateMachine = (options: RedriveStateMachineOptions = {}): StateMachine => {
  check(options);
  const { mode = "redrive", approval, maxBatches = mostBatches } = options;
  const isEmpty = { Variable: "$.survey.isEmpty", BooleanEquals: true, Next: "Report" };
  const asking = {
    "Ask for approval": approvalRequest(options, mode, approval?.timeoutSeconds ?? daySeconds),
    "Approved?": choice(
      { Variable: "$.approval.decision", StringEquals: "approved", Next: "Redrive a batch" },
      "Report",
    ),
  };
  return {
    Comment: "Sends dead letters again. Made by redriveStateMachine of @sluice/workflow.",
    StartAt: "Survey",
    States: {
      Survey: survey(options),
      "Not surveyed": { Type: "Pass", Parameters: { "error.$": "$" }, Next: "Report" },
      "Anything to do?": choice(isEmpty, approval === undefined ? "Redrive a batch" : "Ask for approval"),
      ...(approval !== undefined && asking),
      "Redrive a batch": batch(options, mode),
      "More?": moreBatches(maxBatches),
      Report: report(options, mode),
      "Ended well?": choice({ Variable: "$.report.outcome", StringEquals: "failed", Next: "Failed" }, "Done"),
      Done: { Type: "Succeed", OutputPath: "$.report" },
      Failed: { Type: "Fail", Error: "RedriveFailed", CausePath: "$.report.reason" },
      "No report": { Type: "Fail", Error: "RedriveNotReported", CausePath: "$.error.Cause" },
    },
  };
};
