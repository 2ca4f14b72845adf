import { describe, expect, test } from "@jest/globals";
import type { About } from "../src/api/about.ts";
import type { RunView } from "../src/api/runs.ts";
import { isLive } from "../src/api/runs.ts";
import {
  asksFirst,
  countsOf,
  emptyForm,
  inputText,
  newestFirst,
  type RunForm,
  readForm,
  restMs,
  runStateText,
  runTone,
  writingText,
} from "../src/page/screens/run-form.ts";

const about: About = {
  mode: "dev",
  title: "orders.ts",
  version: "1",
  pipelines: [
    { name: "orders", table: "orders", keyNames: ["id"], routes: [] },
    { name: "other", table: "other", keyNames: ["id"], routes: [] },
  ],
  queues: [
    { pipeline: "orders", kind: "retry queue", name: "retry", url: "https://sqs/1/retry" },
    { pipeline: "orders", kind: "dead letters", name: "dead", url: "https://sqs/1/dead" },
  ],
  engines: [],
  can: {
    changes: true,
    item: true,
    redrive: true,
    editDeadLetter: true,
    dropDeadLetters: true,
    runs: ["backfill", "verify", "redrive"],
    doctor: true,
  },
  hidesKeys: false,
};

const form = (kind: RunForm["kind"], change: Partial<RunForm> = {}): RunForm => ({
  ...emptyForm(kind, about),
  ...change,
});

describe("readForm", () => {
  test("begins with a dry run, and with a verify that writes nothing", () => {
    expect(readForm(form("backfill")).input).toEqual({ kind: "backfill", pipeline: "orders", isDryRun: true });
    expect(readForm(form("verify")).input).toEqual({ kind: "verify", pipeline: "orders" });
    expect(readForm(form("redrive")).input).toEqual({
      kind: "redrive",
      pipeline: "orders",
      queueUrl: "https://sqs/1/dead",
      isDryRun: true,
    });
  });

  test("reads all options", () => {
    expect(readForm(form("backfill", { isDryRun: false, routes: ["a"], itemsPerSecond: " 500 " })).input).toEqual({
      kind: "backfill",
      pipeline: "orders",
      routes: ["a"],
      itemsPerSecond: 500,
    });
    expect(readForm(form("verify", { sample: "2.5", repairs: true })).input).toEqual({
      kind: "verify",
      pipeline: "orders",
      sample: 0.025,
      repairs: true,
    });
  });

  test.each([
    [form("backfill", { itemsPerSecond: "0" }), /whole number/],
    [form("backfill", { itemsPerSecond: "1.5" }), /whole number/],
    [form("verify", { sample: "0" }), /above 0/],
    [form("verify", { sample: "101" }), /above 0/],
    [form("verify", { sample: "a" }), /above 0/],
    [form("redrive", { queueUrl: "" }), /Choose the queue/],
    [form("verify", { pipeline: "" }), /no pipeline/],
  ])("says what is wrong: %j", (wrong, problem) => expect(readForm(wrong).problem).toMatch(problem));

  test("names the queue of the chosen pipeline", () => {
    expect(emptyForm("redrive", about, "other").queueUrl).toBe("");
  });
});

test("only runs that write in a deployment ask first", () => {
  const deployment = { mode: "deployment" } as const;
  expect(asksFirst(form("backfill"), deployment)).toBe(false);
  expect(asksFirst(form("backfill", { isDryRun: false }), deployment)).toBe(true);
  expect(asksFirst(form("verify"), deployment)).toBe(false);
  expect(asksFirst(form("verify", { repairs: true }), deployment)).toBe(true);
  expect(asksFirst(form("backfill", { isDryRun: false }), { mode: "dev" })).toBe(false);
  expect(writingText(form("redrive"), { title: "fn" })).toMatch(/function fn gets all dead letters of dead/);
});

test("says what a run is about", () => {
  const pipeline = "orders";
  expect(inputText({ kind: "redrive", pipeline, queueUrl: "https://sqs/1/dead", ids: ["1"], isDryRun: true })).toBe(
    "1 of dead, dry run",
  );
  expect(inputText({ kind: "verify", pipeline, routes: ["a", "b"], sample: 0.025, repairs: true })).toBe(
    "a, b, 2.5 % of the items, with repairs",
  );
  expect(inputText({ kind: "backfill", pipeline, itemsPerSecond: 1_500 })).toBe("all routes, 1,500 items/s");
});

test("a state is good only if nothing is left", () => {
  expect([runTone("done", true), runTone("done", false), runTone("failed", undefined)]).toEqual([
    "good",
    "warn",
    "bad",
  ]);
  expect(runStateText("done", false)).toBe("done, something is left");
  expect(runStateText("pausing", undefined)).toBe("pausing…");
  expect(["running", "paused", "done", "failed", "cancelled"].map((state) => isLive(state as never))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("counts are shown from the largest, and zeros not at all", () => {
  expect(countsOf({ a: 1, b: 0, c: 5 })).toEqual([
    ["c", 5],
    ["a", 1],
  ]);
});

test("the time that is left is shown only if it is known", () => {
  expect(restMs(50, 100, 10)).toBe(5_000);
  expect(restMs(50, undefined, 10)).toBeUndefined();
  expect(restMs(50, 100, 0)).toBeUndefined();
  expect(restMs(100, 100, 10)).toBeUndefined();
});

test("the newest state of each run counts, and the newest run comes first", () => {
  const run = (id: string, startedAt: number, state: RunView["state"]): RunView => ({
    id,
    input: { kind: "verify", pipeline: "orders" },
    state,
    progress: undefined,
    result: undefined,
    error: undefined,
    startedAt,
    endedAt: undefined,
    canPause: true,
    command: "",
  });
  const runs = newestFirst(
    [run("1", 1, "running"), run("2", 2, "done")],
    [run("1", 1, "done"), run("3", 3, "running")],
  );
  expect(runs.map(({ id, state }) => [id, state])).toEqual([
    ["3", "running"],
    ["2", "done"],
    ["1", "done"],
  ]);
});
