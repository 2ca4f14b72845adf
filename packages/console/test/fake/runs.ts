// Runs of the fake host. They count, and do nothing.

import type { RunCall, RunFinding, RunInput, RunResult } from "../../src/index.ts";
import { type FakeData, fakeKeys, fakePipelines } from "./places.ts";

/** How long a run takes. */
export interface FakePace {
  readonly steps: number;
  readonly stepMs: number;
}

const total = 1_200;

const doing: Record<RunInput["kind"], string> = {
  backfill: "Copying items",
  verify: "Comparing items",
  redrive: "Sending dead letters",
};

const countsOf = (input: RunInput, done: number): Record<string, number> => {
  const part = Math.floor(done / 100);
  if (input.kind === "verify") return { equal: done - part, different: part };
  return { delivered: done - part, superseded: part };
};

const findings = (data: FakeData, input: RunInput): readonly RunFinding[] => {
  const pipeline = fakePipelines(data).find(({ name }) => name === input.pipeline);
  if (input.kind !== "verify" || pipeline === undefined || data === "none") return [];
  return Array.from({ length: data === "much" ? 1_000 : 3 }, (_, number) => ({
    class: number % 3 === 0 ? "missing" : "different",
    routes: [pipeline.routes[0]?.name ?? ""],
    keys: fakeKeys(data, pipeline, number),
    members: number % 3 === 0 ? [] : ["city", "total"],
    ...(input.repairs === true ? { repair: "repaired" } : {}),
  }));
};

const resultOf = (data: FakeData, input: RunInput): RunResult => {
  const found = findings(data, input);
  return {
    lines: [`${doing[input.kind]}: ${total} of ${total}`, `${found.length} items differ`],
    isClean: found.length === 0 || (input.kind === "verify" && input.repairs === true),
    counts: countsOf(input, total),
    ...(input.kind === "verify" ? { findings: found } : {}),
  };
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Works on runs; a run goes on after a pause. */
export const fakeRuns = (data: FakeData, pace: () => FakePace) => {
  const stepsDone = new Map<string, number>();
  return async (input: RunInput, { id, signal, onProgress }: RunCall): Promise<RunResult | undefined> => {
    const { steps, stepMs } = pace();
    for (let step = stepsDone.get(id) ?? 0; step < steps; step++) {
      stepsDone.set(id, step);
      const done = Math.floor((total * step) / steps);
      onProgress({ doing: doing[input.kind], done, total, counts: countsOf(input, done), perSecond: 240 });
      await pause(stepMs, signal);
      if (signal.aborted) return undefined;
    }
    return resultOf(data, input);
  };
};

/** The command line of a run. */
export const fakeCommand = (input: RunInput): string => {
  const options = [
    ...(input.kind !== "redrive" && input.routes !== undefined ? [`--routes ${input.routes.join(",")}`] : []),
    ...(input.kind === "redrive" ? [`--queue ${input.queueUrl}`] : []),
    ...(input.kind === "redrive" && input.ids !== undefined ? [`--id ${input.ids.join(" --id ")}`] : []),
    ...(input.kind === "verify" && input.repairs === true ? ["--repair"] : []),
    ...(input.kind !== "verify" && input.isDryRun === true ? ["--dry-run"] : []),
  ];
  return ["npx sluice", input.kind, "orders.ts", ...options].join(" ");
};
