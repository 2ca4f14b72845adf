// Declares the tests of a sink. For each dedupe mode, one test has failures, throttling and crashes. The mode
// `on-failure` has one more test, without crashes.

import { afterAll, expect, test } from "@jest/globals";
import type { Dedupe, DedupeStore } from "@sluice/core/sink-kit";
import type { FaultPlan } from "./faulty-environments.ts";
import { batchSize, playRun, type Run, type RunResult, type Target } from "./run.ts";

/** The size of a scenario: the number of items, and the planned faults. Every item has ten revisions. */
export interface Load {
  readonly items: number;
  readonly withoutCrashes: FaultPlan;
  readonly withCrashes: FaultPlan;
}

const loadOf = (items: number, throttledFrom: number, crashes: Pick<FaultPlan, "crashBefore" | "crashAfter">): Load => {
  const withoutCrashes = { failingEvery: 10, throttledFrom, throttledMs: 60_000 };
  return { items, withoutCrashes, withCrashes: { ...withoutCrashes, ...crashes } };
};

/** 5,000 changes. */
export const fullLoad: Load = loadOf(500, 200, { crashBefore: 120, crashAfter: 40 });
/** 1,000 changes. With the environment variable EXACTLY_ONCE_LOAD=full, 5,000. */
export const smallLoad: Load =
  process.env.EXACTLY_ONCE_LOAD === "full" ? fullLoad : loadOf(100, 40, { crashBefore: 30, crashAfter: 8 });
/** 500 changes, for the mode `none`, because this mode sends most changes many times. */
const smallestLoad: Load = loadOf(50, 20, {});

const revisions = 10;

/** The settings that all scenarios of a sink share. */
export interface SinkScenarios {
  readonly name: string;
  /** Opens an empty target. If `isNative`, the target discards repeated messages. */
  readonly open: (isNative: boolean) => Promise<Target>;
  /** Whether the sink also has a target that discards repeated messages. */
  readonly isNative: boolean;
  /** Creates an empty dedupe store. */
  readonly store: (now: () => number) => Promise<DedupeStore>;
  readonly load: Load;
}

type NamedResult = RunResult & { readonly run: string };

const results: NamedResult[] = [];

/** After all tests of a file, prints the results of their runs. */
export const printResults = (): void => {
  afterAll(() => {
    const rows = results.map(({ run, ...counts }) => [run, ...Object.values(counts)].join(" | "));
    const [{ run: _, ...first } = { run: "" }] = results;
    process.stdout.write(`${[["run", ...Object.keys(first)].join(" | "), ...rows].join("\n")}\n`);
  });
};

/** Plays one scenario. Expects that no change is lost and that all changes arrive in order. */
export const runScenario = async (
  sink: Omit<SinkScenarios, "isNative" | "load">,
  dedupe: Dedupe,
  { items, faults }: Pick<Run, "items" | "faults">,
): Promise<RunResult> => {
  const target = await sink.open(dedupe === "native");
  const result = await playRun({ items, revisions, dedupe, target, faults, store: sink.store });
  const crashes = faults.crashBefore === undefined ? "" : ", two crashes";
  results.push({ run: `${sink.name}, ${dedupe}${crashes}`, ...result });
  expect(result).toMatchObject({
    changes: items * revisions,
    lost: 0,
    misordered: 0,
    crashes: faults.crashBefore === undefined ? 0 : 2,
  });
  // Checks that the planned faults really happened.
  expect(result.failedEntries).toBeGreaterThan(result.changes / 200);
  expect(result.throttledRequests).toBeGreaterThan(0);
  return result;
};

/** Declares the tests of a sink. */
export const testScenarios = (sink: SinkScenarios): void => {
  const { items, withoutCrashes, withCrashes } = sink.load;
  const exact: Dedupe[] = sink.isNative ? ["native", "always"] : ["always"];

  test.each(exact)("%s: each change arrives once, although the function crashes twice", async (dedupe) => {
    expect((await runScenario(sink, dedupe, { items, faults: withCrashes })).duplicates).toBe(0);
  });

  test("on-failure: each change arrives once if the function never crashes", async () => {
    expect((await runScenario(sink, "on-failure", { items, faults: withoutCrashes })).duplicates).toBe(0);
  });

  test("on-failure: only changes that the two crashed invocations had sent arrive again", async () => {
    expect((await runScenario(sink, "on-failure", { items, faults: withCrashes })).duplicates).toBeLessThanOrEqual(
      2 * batchSize,
    );
  });

  test("none: many changes arrive again, and all arrive in order", async () => {
    const { duplicates } = await runScenario(sink, "none", {
      items: smallestLoad.items,
      faults: smallestLoad.withoutCrashes,
    });
    expect(duplicates).toBeGreaterThan(0);
  });
};
