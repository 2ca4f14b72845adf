// Runs in this process. A worker freezes at some step, as a process that is paused. Another one takes the run over. The
// frozen worker continues later, writes its page, and finds that it has lost the run.

import {
  type BackfillOptions,
  backfill,
  checkResume,
  type Invoke,
  type ItemSource,
  newRun,
  type RunState,
  type RunStore,
  RunTakenError,
  type SourcePage,
  type Unit,
  unitName,
} from "@sluice/backfill";
import { systemClock } from "@sluice/core/sink-kit";
import type { Random } from "../convergence/random.ts";
import { type AtStep, withSteps } from "./steps.ts";
import { pipelineName } from "./targets.ts";

/** A worker that froze. */
export interface FrozenWorker {
  /** Lets the worker continue. Resolves when the worker has ended. */
  readonly thaw: () => Promise<void>;
}

/** Cursors of the pages that a worker had read when it froze, by the name of the unit. */
export type ReadPages = ReadonlyMap<string, string | undefined>;

/** A run, and how its workers are disturbed. */
export interface LiveRun {
  readonly run: string;
  readonly tableArn: string;
  readonly streamArn: string;
  readonly routes?: readonly string[];
  /** Creates the source. `asOf` is of the state, or undefined for a new run. */
  readonly source: (asOf: string) => ItemSource;
  readonly now: () => Promise<string>;
  readonly openStore: () => RunStore;
  readonly invoke: Invoke;
  readonly random: Random;
  /** Steps after which a worker freezes, at most; undefined: never. */
  readonly mostSteps?: number;
  readonly frozen: FrozenWorker[];
  /** Changes the state of a run that is resumed, to cause a defect. */
  readonly onResume?: (state: RunState, read: ReadPages) => RunState;
}

/** Delays between attempts are short, because the faults are random. */
export const patient: Pick<BackfillOptions, "limits" | "clock" | "workers" | "saveEveryMs" | "maxFailures"> = {
  limits: { maxAttempts: 40, firstDelayMs: 10 },
  clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 30), signal) },
  workers: 2,
  saveEveryMs: 0,
  maxFailures: 0,
};

/** Freezes every worker after this many steps. */
const freezer = (steps: number) => {
  let left = steps;
  let isThawed = false;
  let [notify, release]: (() => void)[] = [() => undefined, () => undefined];
  const frozen = new Promise<"frozen">((resolve) => {
    notify = () => resolve("frozen");
  });
  const thawed = new Promise<void>((resolve) => {
    release = resolve;
  });
  const atStep: AtStep = async () => {
    left -= 1;
    if (left > 0 || isThawed) return;
    notify?.();
    await thawed;
  };
  return {
    atStep,
    frozen,
    thaw: () => {
      isThawed = true;
      release?.();
    },
  };
};

const stateOf = async (live: LiveRun, store: RunStore, read: ReadPages): Promise<RunState> => {
  const { run, tableArn, streamArn, routes, source, now, onResume = (same) => same } = live;
  const subject = { pipeline: pipelineName, source: source("").name, tableArn, streamArn, routes };
  const found = await store.open();
  if (found !== undefined) {
    checkResume(found, subject, Date.now());
    return onResume(found, read);
  }
  const asOf = await now();
  return newRun(run, subject, { asOf, now: Date.now(), units: await source(asOf).units() });
};

/** A worker that lost the run has not ended it. Two workers may begin a new run at once, and the one that saves later loses. */
const orTaken = (error: unknown): { readonly isDone: false } => {
  if (!(error instanceof RunTakenError)) throw error;
  return { isDone: false };
};

/** Lets one worker work until it ends or freezes. Returns whether the run is done, and the pages that were read. */
const live = async (options: LiveRun, before: ReadPages): Promise<{ isDone: boolean; read: ReadPages }> => {
  const { random, mostSteps, frozen, invoke } = options;
  const store = options.openStore();
  const state = await stateOf(options, store, before);
  const read = new Map<string, string | undefined>();
  const note = (unit: Unit, { cursor }: SourcePage): void => {
    read.set(unitName(unit), cursor);
  };
  const steps = freezer(mostSteps === undefined ? Number.POSITIVE_INFINITY : 1 + random.integer(mostSteps));
  const controller = new AbortController();
  const work: Promise<{ readonly isDone: boolean }> = backfill({
    ...withSteps({ source: options.source(state.asOf), invoke, store }, steps.atStep, note),
    ...patient,
    state,
    signal: controller.signal,
    onFailures: async (failures) => {
      throw new Error(`${failures.length} records of a backfill failed: ${JSON.stringify(failures[0])}`);
    },
  }).catch(orTaken);
  // Some workers are interrupted, as by Ctrl-C, instead of frozen.
  const isInterrupted = random.chance(0.2);
  const first = await Promise.race([work, steps.frozen]);
  if (first !== "frozen") return { isDone: first.isDone, read };
  if (isInterrupted) {
    controller.abort();
    steps.thaw();
    return { isDone: (await work).isDone, read };
  }
  frozen.push({
    thaw: async () => {
      steps.thaw();
      await work;
    },
  });
  // The rejection is handled where the worker is thawed.
  work.catch(() => undefined);
  return { isDone: false, read };
};

const mostLives = 400;

/** Works on a run until it is done. Resolves with the number of workers that it took. */
export const finishRun = async (options: LiveRun): Promise<number> => {
  let read: ReadPages = new Map();
  for (let lives = 1; lives <= mostLives; lives += 1) {
    const result = await live(options, read);
    if (result.isDone) return lives;
    read = result.read;
  }
  throw new Error(`run ${options.run} did not end with ${mostLives} workers`);
};
