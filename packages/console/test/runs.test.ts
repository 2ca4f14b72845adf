import { afterEach, expect, jest, test } from "@jest/globals";
import type { ConsoleHost, RunCall, RunInput, RunResult, RunView } from "../src/index.ts";
import { createRuns } from "../src/runs/run-manager.ts";

const result: RunResult = { lines: ["done"], isClean: true, counts: { delivered: 3 } };
const backfill: RunInput = { kind: "backfill", pipeline: "orders" };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const hostOf = (run: ConsoleHost["run"]) => ({ run, commandOf: ({ kind }: RunInput) => `sluice ${kind}` });

/** A host that works until its signal aborts. */
const untilStopped: ConsoleHost["run"] = (_, { signal }) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));

const refuse = (error: unknown): void => {
  throw error;
};

afterEach(() => {
  jest.useRealTimers();
});

test("a run tells its begin and its end, and has the command that does the same", async () => {
  const runs = createRuns({ host: hostOf(async () => result), onError: refuse });
  const heard: RunView[] = [];
  runs.onRun((run) => heard.push(run));
  const started = runs.start(backfill);
  expect(started).toMatchObject({ state: "running", canPause: true, command: "sluice backfill", input: backfill });
  await settle();
  expect(heard.map(({ state }) => state)).toEqual(["running", "done"]);
  expect(runs.list()).toMatchObject([{ id: started.id, state: "done", result, canPause: false }]);
});

test("one run of a kind works on a pipeline at a time; another kind or pipeline may", async () => {
  const runs = createRuns({ host: hostOf(untilStopped), onError: refuse });
  const { id } = runs.start(backfill);
  expect(() => runs.start({ ...backfill, routes: ["rows"] })).toThrow(
    expect.objectContaining({ code: "RUN_EXISTS", status: 409, message: expect.stringContaining(id) }),
  );
  runs.start({ kind: "verify", pipeline: "orders" });
  runs.start({ ...backfill, pipeline: "users" });
  runs.act(id, "pause");
  await settle();
  expect(() => runs.start(backfill)).toThrow("is paused; expected it to be resumed or cancelled first");
  runs.act(id, "cancel");
  runs.start(backfill);
  expect(runs.list()).toHaveLength(4);
  await runs.close();
});

test("a dry run cannot pause, and can be cancelled", async () => {
  const runs = createRuns({ host: hostOf(untilStopped), onError: refuse });
  const { id, canPause } = runs.start({ ...backfill, isDryRun: true });
  expect(canPause).toBe(false);
  expect(() => runs.act(id, "pause")).toThrow("a dry run cannot pause; expected to cancel it");
  runs.act(id, "cancel");
  await settle();
  expect(runs.get(id).state).toBe("cancelled");
});

test("what a call did before a pause is shown, and the call after it gets it", async () => {
  const partial: RunResult = { ...result, isClean: false, isPartial: true };
  const asked: (RunResult | undefined)[] = [];
  const run: ConsoleHost["run"] = (_, { signal, earlier }) => {
    asked.push(earlier);
    if (earlier !== undefined) return Promise.resolve(result);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(partial)));
  };
  const runs = createRuns({ host: hostOf(run), onError: refuse });
  const { id } = runs.start({ kind: "redrive", pipeline: "orders", queueUrl: "http://127.0.0.1/queue" });
  await settle();
  runs.act(id, "pause");
  await settle();
  expect(runs.get(id)).toMatchObject({ state: "paused", result: partial });
  runs.act(id, "resume");
  await settle();
  expect(runs.get(id)).toMatchObject({ state: "done", result });
  expect(asked).toEqual([undefined, partial]);
});

test("an unexpected error reaches the log, and not the page", async () => {
  const errors: unknown[] = [];
  const broken = new Error("the item o-1 is secret");
  const runs = createRuns({ host: hostOf(() => Promise.reject(broken)), onError: (error) => errors.push(error) });
  const { id } = runs.start(backfill);
  await settle();
  expect(runs.get(id)).toMatchObject({ state: "failed", error: expect.not.stringContaining("secret") });
  expect(errors).toEqual([broken]);
});

test("an error of a command is for people", async () => {
  const error = Object.assign(new Error("table orders was not found"), { name: "CommandError" });
  const runs = createRuns({ host: hostOf(() => Promise.reject(error)), onError: refuse });
  const { id } = runs.start(backfill);
  await settle();
  expect(runs.get(id)).toMatchObject({ state: "failed", error: "table orders was not found" });
});

test("a host that throws at once fails its run, and not the server", async () => {
  const run = (): never => {
    throw Object.assign(new Error("no table"), { name: "CommandError" });
  };
  const runs = createRuns({ host: hostOf(run), onError: refuse });
  const { id } = runs.start(backfill);
  await settle();
  expect(runs.get(id)).toMatchObject({ state: "failed", error: "no table" });
});

test("progress is reported at most four times a second, and the last of it always", async () => {
  jest.useFakeTimers({ now: 1_795_000_000_000, doNotFake: ["setImmediate"] });
  let call: RunCall | undefined;
  const runs = createRuns({
    host: hostOf((_, given) => {
      call = given;
      return new Promise(() => {});
    }),
    onError: refuse,
  });
  const heard: (number | undefined)[] = [];
  runs.onRun(({ progress }) => heard.push(progress?.done));
  const { id } = runs.start(backfill);
  await settle();
  for (let done = 1; done <= 1_000; done += 1) {
    call?.onProgress({ doing: "reading", done, total: 1_000, counts: {} });
    jest.advanceTimersByTime(1);
  }
  expect(heard).toHaveLength(1 + 4);
  call?.onProgress({ doing: "reading", done: 1_001, total: 1_001, counts: {} });
  jest.advanceTimersByTime(1_000);
  expect(heard.at(-1)).toBe(1_001);
  expect(runs.get(id).progress?.done).toBe(1_001);
});

test("progress of a call that has ended changes nothing", async () => {
  const calls: RunCall[] = [];
  const runs = createRuns({
    host: hostOf((input, call) => {
      calls.push(call);
      return untilStopped(input, call);
    }),
    onError: refuse,
  });
  const { id } = runs.start(backfill);
  await settle();
  runs.act(id, "pause");
  await settle();
  calls[0]?.onProgress({ doing: "late", done: 9, total: 9, counts: {} });
  expect(runs.get(id)).toMatchObject({ state: "paused", progress: undefined });
  runs.act(id, "resume");
  await settle();
  calls[0]?.onProgress({ doing: "late", done: 9, total: 9, counts: {} });
  expect(runs.get(id)).toMatchObject({ state: "running", progress: undefined });
  await runs.close();
});

test("the oldest ended runs are forgotten, and no live one", async () => {
  const run: ConsoleHost["run"] = (input, call) =>
    input.kind === "verify" ? untilStopped(input, call) : Promise.resolve(result);
  const runs = createRuns({ host: hostOf(run), onError: refuse, remembered: 3 });
  const live = runs.start({ kind: "verify", pipeline: "orders" });
  const ids: string[] = [];
  for (let count = 0; count < 6; count += 1) {
    ids.push(runs.start(backfill).id);
    await settle();
  }
  expect(runs.list().map(({ id }) => id)).toEqual([ids[5], ids[4], ids[3], live.id]);
  expect(() => runs.get(ids[0] as string)).toThrow(expect.objectContaining({ code: "SUBJECT_UNKNOWN" }));
  await runs.close();
});

test("the end of the console pauses runs, waits for them, and starts no more", async () => {
  let isEnded = false;
  const run: ConsoleHost["run"] = async (input, call) => {
    await untilStopped(input, call);
    await settle();
    isEnded = true;
    return undefined;
  };
  const runs = createRuns({ host: hostOf(run), onError: refuse });
  const { id } = runs.start(backfill);
  await settle();
  await runs.close();
  expect(isEnded).toBe(true);
  expect(runs.get(id).state).toBe("paused");
  expect(() => runs.start(backfill)).toThrow(expect.objectContaining({ code: "CLOSING", status: 503 }));
  expect(() => runs.act(id, "resume")).toThrow(expect.objectContaining({ code: "CLOSING" }));
});

test("the end of the console does not wait for ever", async () => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick"] });
  const errors: unknown[] = [];
  const timeout = jest.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
  const runs = createRuns({ host: hostOf(() => new Promise(() => {})), onError: (error) => errors.push(error) });
  runs.start(backfill);
  await settle();
  await runs.close();
  expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining("within 10 s") })]);
  expect(timeout).toHaveBeenCalledWith(10_000);
  timeout.mockRestore();
});
