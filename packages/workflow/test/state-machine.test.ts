import { describe, expect, test } from "@jest/globals";
import validate from "asl-validator";
import { type RedriveStateMachineOptions, redriveStateMachine, type StateDefinition } from "../src/index.ts";
import { inspectionHandler } from "../src/redrive/inspection.ts";
import { batchCounts, noProgress, progressMembers } from "../src/redrive/progress.ts";
import { maxFailuresLimit } from "../src/redrive/settings.ts";
import { historyEvents, maxBatchesLimit } from "../src/state-machine.ts";
import { bodyFor, orderRecord } from "./dead-letters.ts";
import { memoryQueue, queueUrl } from "./memory-queue.ts";

const variants: readonly (readonly [string, RedriveStateMachineOptions])[] = [
  ["the defaults", {}],
  ["an approval", { approval: {} }],
  [
    "everything",
    {
      mode: "republish",
      approval: { timeoutSeconds: 3_600 },
      ratePerSecond: 50,
      maxFailures: 10,
      maxMessages: 1_000,
      maxBatches: 10,
      functionTimeoutSeconds: 300,
      partition: "aws-cn",
    },
  ],
];

interface Fields {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[]; readonly MaxAttempts: number }[];
  readonly TimeoutSeconds?: number;
}

const nextOf = (state: StateDefinition): string[] => {
  const { Next, Default, Choices = [], Catch = [] } = state as unknown as Fields;
  return [Next, Default, ...Choices.map((choice) => choice.Next), ...Catch.map((caught) => caught.Next)].filter(
    (name) => name !== undefined,
  );
};

describe.each(variants)("the state machine with %s", (_name, options) => {
  const machine = redriveStateMachine(options);
  const tasks = Object.entries(machine.States).filter(([, { Type }]) => Type === "Task");

  test("is valid", () => {
    const { isValid, errorsText } = validate(JSON.parse(JSON.stringify(machine)));
    expect(isValid ? "" : errorsText("\n")).toBe("");
  });

  test("can reach every state, and can end from every state", () => {
    const reached = new Set<string>();
    const visit = (name: string): void => {
      if (reached.has(name)) return;
      reached.add(name);
      for (const next of nextOf(machine.States[name] as StateDefinition)) visit(next);
    };
    visit(machine.StartAt);
    expect([...reached].sort()).toEqual(Object.keys(machine.States).sort());
  });

  test("gives every task a timeout, retries, and a catch-all that leads to the report", () => {
    for (const [name, state] of tasks) {
      const { TimeoutSeconds, Retry = [], Catch = [] } = state as unknown as Fields;
      expect(TimeoutSeconds).toBeGreaterThan(0);
      expect(Retry.flatMap(({ ErrorEquals }) => ErrorEquals)).toContain("RedriveThrottledError");
      expect(Catch.at(-1)).toMatchObject({
        ErrorEquals: ["States.ALL"],
        Next: { Report: "No report", "Inspect the queue": "Inspection failed" }[name] ?? "Report",
      });
    }
  });

  test("does not retry the timeout of the approval", () => {
    const { Retry = [], Catch = [] } = (machine.States["Ask for approval"] ?? {}) as unknown as Partial<Fields>;
    const retried = Retry.flatMap(({ ErrorEquals }) => ErrorEquals);
    expect(retried).not.toContain("States.ALL");
    expect(retried).not.toContain("States.Timeout");
    if (options.approval !== undefined) expect(Catch[0]?.ErrorEquals).toEqual(["States.Timeout"]);
  });

  test("has a placeholder for each function", () => {
    const names = [...JSON.stringify(machine).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
    const asked = options.approval === undefined ? [] : ["ApprovalRequestFunctionArn"];
    expect(names).toEqual(["InspectionFunctionArn", ...asked, "BatchFunctionArn", "ReportFunctionArn"]);
  });

  test("stays within Step Functions' history, even if every batch uses all of its retries", () => {
    const { Retry = [] } = machine.States["Redrive a batch"] as unknown as Fields;
    const attempts = 1 + Retry.reduce((sum, { MaxAttempts }) => sum + MaxAttempts, 0);
    const { maxBatches = maxBatchesLimit } = options;
    expect(historyEvents(maxBatches)).toBeGreaterThanOrEqual(maxBatches * (4 + 3 * attempts));
    expect(historyEvents(maxBatches)).toBeLessThan(25_000);
  });
});

test("passes every member of a progress to the next batch", () => {
  const { ResultSelector } = redriveStateMachine().States["Redrive a batch"] as StateDefinition;
  expect(Object.keys(ResultSelector as object)).toEqual(Object.keys(noProgress).map((name) => `${name}.$`));
  expect([...progressMembers].sort()).toEqual(Object.keys(noProgress).sort());
});

test("passes less than 256 KiB between states, whatever the queue contains", async () => {
  const counts = batchCounts(noProgress, 0);
  const name = (prefix: string, n: number): string => `${prefix}${n}${"\u0001".repeat(100)}`;
  for (let n = 0; n < maxFailuresLimit + 1_000; n += 1) {
    counts.add(`message-${n}`, { sink: name("sink", n % 61), code: name("code", n % 71) });
  }
  const queue = memoryQueue();
  const records = Array.from({ length: 1_000 }, (_, n) => orderRecord(`o-${n}`, n + 1));
  queue.send(...records.map((record, n) => bodyFor(record, { sink: name("s", n), code: name("c", n) as never })));
  const { inspection } = await inspectionHandler({ queueUrl, sampleSize: 1_000, clients: { sqs: queue.client } })({
    settings: {},
    input: { maxFailures: maxFailuresLimit },
  });
  const state = { inspection, approval: { decision: "approved" }, progress: counts.close("stopped", "failures") };
  expect(state.progress.counts.left).toBe(maxFailuresLimit + 1_000);
  expect(Buffer.byteLength(JSON.stringify(state))).toBeLessThan(256 * 1_024 * 0.9);
});

describe("options", () => {
  test.each<[string, RedriveStateMachineOptions]>([
    ["mode", { mode: "replay" as never }],
    ["ratePerSecond", { ratePerSecond: 0 }],
    ["maxFailures", { maxFailures: 10_001 }],
    ["maxMessages", { maxMessages: 1.5 }],
    ["maxBatches", { maxBatches: 501 }],
    ["functionTimeoutSeconds", { functionTimeoutSeconds: 901 }],
    ["approval.timeoutSeconds", { approval: { timeoutSeconds: 15 * 86_400 } }],
    ["partition", { partition: "" }],
  ])("that are wrong are refused with their name: %s", (name, options) => {
    expect(() => redriveStateMachine(options)).toThrow(`"${name}"`);
  });
});

describe("an execution's input", () => {
  const settingsWith = async (settings: object, input: unknown) => {
    const queue = memoryQueue();
    const { inspection } = await inspectionHandler({ queueUrl, clients: { sqs: queue.client } })({ settings, input });
    return inspection.settings;
  };

  test("overrides settings, and may contain members that Step Functions adds", async () => {
    const input = {
      ratePerSecond: 5,
      Comment: "Insert your JSON here",
      AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: "x",
    };
    expect(await settingsWith({ ratePerSecond: 50, maxFailures: 10 }, input)).toEqual({
      ratePerSecond: 5,
      maxFailures: 10,
    });
  });

  test.each<[unknown]>([[{ ratePerSeconds: 5 }], [{ ratePerSecond: "5" }], [{ progress: {} }], [[]], [null], ["x"]])(
    "is refused if it is wrong (%j)",
    async (input) => {
      await expect(settingsWith({}, input)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    },
  );
});

test("limits may be getters of a class", () => {
  class Limits {
    get maxMessages(): number {
      return 0;
    }
  }
  expect(() => redriveStateMachine(new Limits())).toThrow('"maxMessages"');
});
