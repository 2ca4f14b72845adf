// The state machines of a backfill and of a verify, in Amazon States Language with JSONPath. A Distributed Map gives each
// unit of the source a child execution of its own. No item passes through a state: the plan is a kilobyte, a unit is a
// number or the key of a file, and cursors, counts and failures are in S3.

import { checkOptionNames, checkText, checkWhole } from "@sluice/core/sink-kit";
import {
  caught,
  choice,
  type FunctionCall,
  functionTask,
  type Members,
  misconfigured,
  type Retrier,
  type StateDefinition,
  serviceErrors,
} from "../state-machine.ts";
import type { RunMode } from "./run-plan.ts";
import { type CopySettings, copySettingNames, settingsOf } from "./settings.ts";

/** Options of `backfillStateMachine` and of `verifyStateMachine`. The input of an execution may override the settings. */
export interface CopyStateMachineOptions extends CopySettings {
  /** Number of units that are worked on at once. `UpdateMapRun` changes it while a run is working. Default 8. */
  readonly maxConcurrency?: number;
  /**
   * Share of the units that may fail before the run stops. The failed units of a finished run are in its report, and the
   * run fails if there are any. Default 0: the first unit that fails stops the run.
   */
  readonly toleratedFailurePercentage?: number;
  /** Timeout in seconds for each function call. Not shorter than the functions' own timeouts. Default 900. */
  readonly functionTimeoutSeconds?: number;
  /** AWS partition, for ARNs such as `arn:aws:states:::lambda:invoke`. Default `aws`. */
  readonly partition?: string;
}

/** A state machine's definition. Encode it with `JSON.stringify`. Set the placeholders by `DefinitionSubstitutions`. */
export interface CopyStateMachine {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: { readonly [name: string]: StateDefinition };
}

/** Names of the placeholders in a definition. Each placeholder stands for the ARN of a function. */
const placeholders = { plan: "PlanFunctionArn", worker: "WorkerFunctionArn", report: "ReportFunctionArn" } as const;

/** Prevents retries of a unit that no repeat can help. */
const hopeless: Retrier = { ErrorEquals: ["UnitFailedError"], MaxAttempts: 0 };

/** The target or the source is not available. On average, the last attempt is an hour after the first one, at most two hours. */
const interrupted: Retrier = {
  ErrorEquals: ["UnitInterruptedError", "Lambda.TooManyRequestsException"],
  IntervalSeconds: 10,
  BackoffRate: 2,
  MaxDelaySeconds: 600,
  MaxAttempts: 17,
  JitterStrategy: "FULL",
};

/** Retrier for crashes and timeouts. The next attempt continues at the last checkpoint of the unit. */
const crashed: Retrier = {
  ErrorEquals: ["States.ALL"],
  IntervalSeconds: 5,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 6,
  JitterStrategy: "FULL",
};

const retries: readonly Retrier[] = [misconfigured, hopeless, interrupted, serviceErrors, crashed];

const attemptsOfTurn = retries.reduce((attempts, { MaxAttempts }) => attempts + MaxAttempts, 1);

/** Number of history events of a turn: two for the state, three per attempt, and two each for the choice and the wait. */
const eventsOfTurn = 2 + 3 * attemptsOfTurn + 4;

/** Step Functions allows 25,000 events per execution. A few are left for the end of the child. */
export const maxTurns: number = Math.floor(24_900 / eventsOfTurn);

interface Checked {
  readonly mode: RunMode;
  readonly settings: CopySettings;
  readonly maxConcurrency: number;
  readonly toleratedFailurePercentage: number;
  readonly functionTimeoutSeconds: number;
  readonly partition: string;
}

/** Checks the options, and adds the defaults. */
const checked = (mode: RunMode, options: CopyStateMachineOptions): Checked => {
  const names = { maxConcurrency: true, toleratedFailurePercentage: true, functionTimeoutSeconds: true } as const;
  checkOptionNames<CopyStateMachineOptions>(`${mode}StateMachine`, options, {
    ...copySettingNames,
    ...names,
    partition: true,
  });
  const {
    maxConcurrency = 8,
    toleratedFailurePercentage = 0,
    functionTimeoutSeconds = 900,
    partition = "aws",
  } = options;
  checkWhole("maxConcurrency", maxConcurrency, [1, 10_000]);
  checkWhole("toleratedFailurePercentage", toleratedFailurePercentage, [0, 100]);
  checkWhole("functionTimeoutSeconds", functionTimeoutSeconds, [1, 900]);
  checkText("partition", partition);
  const settings = settingsOf(options);
  return { mode, settings, maxConcurrency, toleratedFailurePercentage, functionTimeoutSeconds, partition };
};

const task = (options: Checked, call: FunctionCall, more: Members): StateDefinition =>
  functionTask(options, retries, call, more);

const plan = (options: Checked): StateDefinition => {
  const { mode, settings, maxConcurrency } = options;
  const execution = { "execution.$": "$$.Execution.Name", "startedAt.$": "$$.Execution.StartTime" };
  return task(options, [placeholders.plan, { settings, maxConcurrency, ...execution, "input.$": "$" }], {
    // No `ResultPath`: the output replaces the whole input, because the input may have any members.
    ResultSelector: { "plan.$": "$.Payload" },
    Catch: [{ ErrorEquals: ["States.ALL"], Next: "Not started" }],
    Next: mode === "verify" ? "Read all copies" : "Work on all units",
  });
};

/** What a map works on: the units of the source, or parts of the targets' keys. */
type MapLabel = "units" | "copies";

/** Names of states are unique in the whole state machine. */
const nameFor =
  (label: MapLabel) =>
  (name: string): string =>
    label === "units" ? name : `${name} (copies)`;

/** The states of a unit's child execution. The first one is "Do a turn". */
const childStates = (options: Checked, label: MapLabel): { readonly [name: string]: StateDefinition } => {
  const named = nameFor(label);
  const turn = { "plan.$": "$.plan", "unit.$": "$.unit" };
  const selected = ["isDone", "turns", "waitSeconds"].map((name) => [`${name}.$`, `$.Payload.${name}`]);
  const isDone = { Variable: "$.turn.isDone", BooleanEquals: true, Next: named("Done") };
  const isOpen = { Variable: "$.turn.isDone", BooleanEquals: false };
  const hasMostTurns = { Variable: "$.turn.turns", NumericGreaterThanEquals: maxTurns };
  const isEndless = { And: [isOpen, hasMostTurns], Next: named("Too many turns") };
  const isWaiting = { Variable: "$.turn.waitSeconds", NumericGreaterThan: 0, Next: named("Wait") };
  const tooManyTurns = { Error: "TooManyTurns", Cause: `the unit is not done after ${maxTurns} turns` };
  return {
    [named("Do a turn")]: task(options, [placeholders.worker, turn], {
      ResultSelector: Object.fromEntries(selected),
      ResultPath: "$.turn",
      Catch: [caught(named("Note the failure"))],
      Next: named("Done?"),
    }),
    // A unit that is done may have to wait, too, until its share of the rate has paid for the last pages.
    [named("Done?")]: { ...choice(isWaiting, named("Do a turn")), Choices: [isEndless, isWaiting, isDone] },
    [named("Wait")]: { Type: "Wait", SecondsPath: "$.turn.waitSeconds", Next: named("Do a turn") },
    [named("Done")]: { Type: "Succeed", OutputPath: "$.turn.isDone" },
    [named("Too many turns")]: {
      Type: "Pass",
      Parameters: { ...turn, error: tooManyTurns },
      Next: named("Note the failure"),
    },
    [named("Note the failure")]: task(options, [placeholders.worker, { ...turn, "error.$": "$.error" }], {
      ResultPath: null,
      Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.notNoted", Next: named("Failed") }],
      Next: named("Failed"),
    }),
    [named("Failed")]: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
  };
};

/** The state that works on every unit of an object with units. */
const allUnits = (options: Checked, label: MapLabel, next: string): StateDefinition => {
  const { partition, maxConcurrency, toleratedFailurePercentage } = options;
  const items = label === "units" ? "$.plan.items" : "$.plan.copies";
  return {
    Type: "Map",
    Label: label,
    MaxConcurrency: maxConcurrency,
    ToleratedFailurePercentage: toleratedFailurePercentage,
    ItemReader: {
      Resource: `arn:${partition}:states:::s3:getObject`,
      ReaderConfig: { InputType: "JSONL" },
      Parameters: { "Bucket.$": `${items}.bucket`, "Key.$": `${items}.key` },
    },
    ItemSelector: { "plan.$": "$.plan", "unit.$": "$$.Map.Item.Value" },
    ItemProcessor: {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
      StartAt: nameFor(label)("Do a turn"),
      States: childStates(options, label),
    },
    // Without it, the results of all units would have to fit into 256 KiB.
    ResultWriter: {
      Resource: `arn:${partition}:states:::s3:putObject`,
      Parameters: { "Bucket.$": "$.plan.bucket", "Prefix.$": "$.plan.results" },
    },
    ResultPath: null,
    Catch: [caught("Report")],
    Next: next,
  };
};

const report = (options: Checked): StateDefinition =>
  task(options, [placeholders.report, { "plan.$": "$.plan", "state.$": "$" }], {
    ResultSelector: { "report.$": "$.Payload" },
    Catch: [caught("No report")],
    Next: "Complete?",
  });

const machine = (comment: string, failure: string, options: Checked): CopyStateMachine => ({
  Comment: comment,
  StartAt: "Plan",
  States: {
    Plan: plan(options),
    "Not started": { Type: "Fail", ErrorPath: "$.Error", CausePath: "$.Cause" },
    // Before the table: an item that is inserted between the two is then compared with the copy that was a ghost before.
    ...(options.mode === "verify" && { "Read all copies": allUnits(options, "copies", "Work on all units") }),
    "Work on all units": allUnits(options, "units", "Report"),
    Report: report(options),
    "Complete?": choice({ Variable: "$.report.outcome", StringEquals: "complete", Next: "Complete" }, "Incomplete"),
    Complete: { Type: "Succeed", OutputPath: "$.report" },
    Incomplete: { Type: "Fail", Error: `${failure}Incomplete`, CausePath: "$.report.reason" },
    "No report": { Type: "Fail", Error: `${failure}NotReported`, CausePath: "$.error.Cause" },
  },
});

/**
 * Creates the definition of a Standard state machine that copies a table, or an export of it, to the targets of a
 * pipeline. The definition contains a placeholder for the ARN of each of its three functions: `backfillPlan`,
 * `backfillWorker` and `backfillReport`.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const backfillStateMachine = (options: CopyStateMachineOptions = {}): CopyStateMachine =>
  machine(
    "Copies a table to the targets of a pipeline. Created by backfillStateMachine of @sluice/workflow.",
    "Backfill",
    checked("backfill", options),
  );

/**
 * Creates the definition of a Standard state machine that compares a table with the targets of a pipeline. The definition
 * contains a placeholder for the ARN of each of its three functions: `verifyPlan`, `verifyWorker` and `verifyReport`.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const verifyStateMachine = (options: CopyStateMachineOptions = {}): CopyStateMachine =>
  machine(
    "Compares a table with the targets of a pipeline. Created by verifyStateMachine of @sluice/workflow.",
    "Verify",
    checked("verify", options),
  );
