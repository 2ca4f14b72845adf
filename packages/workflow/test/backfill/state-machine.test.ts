import { describe, expect, test } from "@jest/globals";
import validate from "asl-validator";
import { maxTurns } from "../../src/backfill/state-machine.ts";
import {
  backfillStateMachine,
  type CopyStateMachine,
  type CopyStateMachineOptions,
  type StateDefinition,
  verifyStateMachine,
} from "../../src/index.ts";

const everything: CopyStateMachineOptions = {
  maxConcurrency: 40,
  toleratedFailurePercentage: 5,
  functionTimeoutSeconds: 600,
  partition: "aws-cn",
  readUnitsPerSecond: 500,
  segments: 64,
  routes: ["orders"],
};

const variants: readonly (readonly [string, CopyStateMachine])[] = [
  ["a backfill with the defaults", backfillStateMachine()],
  ["a backfill with everything", backfillStateMachine(everything)],
  ["a verify with the defaults", verifyStateMachine()],
  ["a verify with everything", verifyStateMachine(everything)],
];

interface Fields {
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[]; readonly MaxAttempts: number }[];
  readonly TimeoutSeconds?: number;
  readonly ItemProcessor?: Machine;
  readonly Label?: string;
}

interface Machine {
  readonly StartAt: string;
  readonly States: { readonly [name: string]: StateDefinition };
}

const fieldsOf = (state: StateDefinition | undefined): Fields => (state ?? {}) as unknown as Fields;

const nextOf = (state: StateDefinition | undefined): string[] => {
  const { Next, Default, Choices = [], Catch = [] } = fieldsOf(state);
  return [Next, Default, ...Choices.map((choice) => choice.Next), ...Catch.map((caught) => caught.Next)].filter(
    (name) => name !== undefined,
  );
};

const reachedFrom = ({ StartAt, States }: Machine): string[] => {
  const reached = new Set<string>();
  const visit = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const next of nextOf(States[name])) visit(next);
  };
  visit(StartAt);
  return [...reached].sort();
};

describe.each(variants)("the state machine of %s", (_name, machine) => {
  const maps = Object.values(machine.States).filter(({ Type }) => Type === "Map");
  const children = maps.map((map) => fieldsOf(map).ItemProcessor as Machine);
  const tasks = [machine, ...children].flatMap(({ States }) =>
    Object.entries(States).filter(([, { Type }]) => Type === "Task"),
  );

  test("is valid", () => {
    const { isValid, errorsText } = validate(JSON.parse(JSON.stringify(machine)));
    expect(isValid ? "" : errorsText("\n")).toBe("");
  });

  test("can reach every state", () => {
    for (const one of [machine, ...children]) expect(reachedFrom(one)).toEqual(Object.keys(one.States).sort());
  });

  test("gives every task a timeout, retries and a catch-all", () => {
    expect(tasks.length).toBeGreaterThanOrEqual(4);
    for (const [, state] of tasks) {
      const { TimeoutSeconds, Retry = [], Catch = [] } = fieldsOf(state);
      expect(TimeoutSeconds).toBeGreaterThan(0);
      const attempts = new Map(
        Retry.flatMap(({ ErrorEquals, MaxAttempts }) => ErrorEquals.map((name) => [name, MaxAttempts])),
      );
      expect(attempts.get("ConfigError")).toBe(0);
      expect(attempts.get("UnitFailedError")).toBe(0);
      expect(attempts.get("UnitInterruptedError")).toBeGreaterThan(5);
      expect(attempts.get("States.ALL")).toBeGreaterThan(2);
      expect(Catch.at(-1)?.ErrorEquals).toEqual(["States.ALL"]);
    }
  });

  test("gives each map a short label of its own", () => {
    const labels = maps.map((map) => fieldsOf(map).Label ?? "");
    expect(new Set(labels).size).toBe(maps.length);
    for (const label of labels) expect(label).toMatch(/^[a-z]{1,40}$/);
  });

  test("waits before a unit is done, too, but ends a unit that has most turns", () => {
    for (const { States } of children) {
      const [name = ""] = Object.keys(States).filter((one) => one.startsWith("Done?"));
      const next = fieldsOf(States[name]).Choices?.map(({ Next }) => Next.replace(" (copies)", ""));
      expect(next).toEqual(["Too many turns", "Wait", "Done"]);
    }
  });

  test("stays within the history of a child, even if every turn uses all of its retries", () => {
    const { Retry = [] } = fieldsOf(children.at(-1)?.States["Do a turn"]);
    const attempts = 1 + Retry.reduce((sum, { MaxAttempts }) => sum + MaxAttempts, 0);
    expect(maxTurns * (2 + 3 * attempts + 4)).toBeLessThan(25_000);
    // At 15 minutes a turn, a unit may take a day.
    expect(maxTurns).toBeGreaterThan(96);
  });

  test("has a placeholder for each function", () => {
    const names = [...JSON.stringify(machine).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
    expect([...new Set(names)]).toEqual(["PlanFunctionArn", "WorkerFunctionArn", "ReportFunctionArn"]);
  });
});

test("a verify reads all copies before the table", () => {
  const { States } = verifyStateMachine();
  expect(fieldsOf(States.Plan).Next).toBe("Read all copies");
  expect(fieldsOf(States["Read all copies"]).Next).toBe("Work on all units");
});

describe("options", () => {
  test.each<[string, CopyStateMachineOptions]>([
    ["maxConcurrency", { maxConcurrency: 0 }],
    ["toleratedFailurePercentage", { toleratedFailurePercentage: 101 }],
    ["functionTimeoutSeconds", { functionTimeoutSeconds: 901 }],
    ["partition", { partition: "" }],
    ["readUnitsPerSecond", { readUnitsPerSecond: 0.5 }],
    ["segments", { segments: 10_001 }],
    ["routes", { routes: [] }],
    ["typo", { typo: true } as never],
  ])("that are wrong are refused with their name: %s", (name, options) => {
    expect(() => backfillStateMachine(options)).toThrow(`"${name}"`);
    expect(() => verifyStateMachine(options)).toThrow(`"${name}"`);
  });
});
