import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ConsoleHost, RunCall, RunInput, RunResult, RunStatus, RunView } from "../src/index.ts";
import { createRuns, type RunManager } from "../src/runs/run-manager.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const result: RunResult = { lines: ["done"], isClean: true, counts: {} };
const input: RunInput = { kind: "backfill", pipeline: "orders" };

type End = "finish" | "stop" | "abort-error" | "fail";
type Step = "pause" | "resume" | "cancel" | "progress" | End;

const ends: readonly Step[] = ["finish", "stop", "abort-error", "fail"];
const step = fc.constantFrom<Step>("pause", "resume", "cancel", "progress", ...ends);

interface PendingCall {
  readonly call: RunCall;
  readonly resolve: (result: RunResult | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A host whose calls end when the test says so. */
const scriptedHost = () => {
  const calls: PendingCall[] = [];
  const run: ConsoleHost["run"] = (_, call) =>
    new Promise((resolve, reject) => {
      calls.push({ call, resolve, reject });
    });
  return { calls, host: { run, commandOf: () => "sluice backfill" } };
};

/** A run by its rules in words, written without the table of the manager. */
class Model {
  state: RunStatus = "running";
  /** Whether the host works. */
  works = true;
  isAborted = false;
  calls = 1;

  get isOver(): boolean {
    return this.state === "done" || this.state === "failed" || this.state === "cancelled";
  }

  /** Returns whether the action is possible. */
  act(action: "pause" | "resume" | "cancel"): boolean {
    if (this.isOver) return action === "cancel" && this.state === "cancelled";
    if (action === "cancel") {
      this.state = this.works ? "cancelling" : "cancelled";
      this.isAborted = this.works;
      return true;
    }
    if (action === "pause") {
      if (this.state === "cancelling") return false;
      if (this.state === "running") {
        this.state = "pausing";
        this.isAborted = true;
      }
      return true;
    }
    if (this.state === "paused") {
      this.state = "running";
      this.works = true;
      this.isAborted = false;
      this.calls += 1;
      return true;
    }
    return this.state === "running";
  }

  end(how: End): void {
    if (!this.works) return;
    this.works = false;
    const isStop = how === "stop" || (how === "abort-error" && this.isAborted);
    if (how === "finish") this.state = "done";
    else if (!isStop) this.state = "failed";
    else this.state = this.state === "cancelling" ? "cancelled" : "paused";
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const endCall = ({ resolve, reject, call }: PendingCall, how: End): void => {
  if (how === "finish") resolve(result);
  if (how === "stop") resolve(undefined);
  if (how === "abort-error") reject(call.signal.aborted ? call.signal.reason : new Error("broken"));
  if (how === "fail") reject(new Error("broken"));
};

interface Trial {
  readonly id: string;
  readonly runs: RunManager;
  readonly calls: readonly PendingCall[];
  readonly model: Model;
}

const doStep = (step: Step, { id, runs, calls, model }: Trial): void => {
  const pending = calls.at(-1);
  if (step === "progress") {
    pending?.call.onProgress({ doing: "reading", done: 1, total: 2, counts: {} });
    return;
  }
  if (step === "pause" || step === "resume" || step === "cancel") {
    const act = (): unknown => runs.act(id, step);
    if (model.act(step)) act();
    else expect(act).toThrow(expect.objectContaining({ code: "RUN_STATE" }));
    return;
  }
  if (pending !== undefined && model.works) endCall(pending, step);
  model.end(step);
};

const check = (view: RunView, calls: readonly PendingCall[], model: Model): void => {
  expect(view.state).toBe(model.state);
  expect(calls).toHaveLength(model.calls);
  if (model.works) expect(calls.at(-1)?.call.signal.aborted).toBe(model.isAborted);
  expect(view.endedAt !== undefined).toBe(model.isOver);
  expect(view.canPause).toBe(model.state === "running");
  expect(view.result).toEqual(model.state === "done" ? result : undefined);
  expect(view.error !== undefined).toBe(model.state === "failed");
  expect(new Set(calls.map(({ call }) => call.id))).toEqual(new Set([view.id]));
};

test(`a run is in the state that its rules say, seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const { calls, host } = scriptedHost();
      const runs = createRuns({ host, onError: () => {} });
      const heard: RunStatus[] = [];
      runs.onRun(({ state }) => heard.push(state));
      const { id } = runs.start(input);
      await settle();
      const model = new Model();
      for (const one of steps) {
        doStep(one, { id, runs, calls, model });
        await settle();
        check(runs.get(id), calls, model);
        expect(heard.at(-1)).toBe(model.state);
      }
      for (const pending of calls) endCall(pending, "stop");
      await runs.close();
      expect(["paused", "done", "failed", "cancelled"]).toContain(runs.get(id).state);
    }),
    { seed, numRuns: Number(process.env.RUNS ?? 300) },
  );
});
