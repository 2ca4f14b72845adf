// Runs in other processes. SIGKILL ends a worker at some step, or SIGSTOP pauses it. The next process takes the run over. A
// paused process continues later, writes its page, and finds that it has lost the run.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Random } from "../convergence/random.ts";
import type { FrozenWorker } from "./frozen-runs.ts";
import type { Places } from "./targets.ts";

/** What a process works on, as plain JSON. */
export interface WorkerSettings {
  readonly places: Places;
  readonly table: string;
  readonly tableArn: string;
  readonly streamArn: string;
  readonly routes: readonly string[];
  readonly run: string;
  readonly store: { readonly kind: "file"; readonly path: string } | { readonly kind: "table"; readonly table: string };
  readonly segments: number;
  readonly pageItems: number;
  readonly seed: number;
  /** How the process ends: at this step, counted from 1. */
  readonly death: { readonly kind: "kill" | "pause"; readonly atStep: number };
}

/** A run in other processes. */
export interface KilledRun extends Omit<WorkerSettings, "death" | "seed"> {
  readonly random: Random;
  readonly mostSteps: number;
  readonly frozen: FrozenWorker[];
}

interface Message {
  readonly ready?: true;
  readonly paused?: true;
  readonly isDone?: boolean;
  readonly isTaken?: true;
}

interface Worker {
  readonly child: ChildProcess;
  /** Resolves when the process is ready to begin, or has failed. */
  readonly ready: Promise<unknown>;
  readonly paused: Promise<"paused">;
  readonly ended: Promise<"done" | "taken" | "killed">;
}

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const flags = ["--conditions=@sluice/source", `--import=${pathOf("../../scripts/strip-types.js")}`];

/** A paused process is not safe from the end of the tests, so it ends with them. */
const children = new Set<ChildProcess>();

/** Ends the processes that are left. */
export const endWorkers = async (): Promise<void> => {
  await Promise.all(
    [...children].map(async (child) => {
      child.kill("SIGKILL");
      await once(child, "exit");
    }),
  );
};

const startWorker = (settings: WorkerSettings): Worker => {
  const child = fork(pathOf("backfill-program.ts"), [JSON.stringify(settings)], {
    execArgv: flags,
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  });
  children.add(child);
  let last: Message = {};
  let notifyPaused: () => void = () => undefined;
  const paused = new Promise<"paused">((resolve) => {
    notifyPaused = () => resolve("paused");
  });
  let notifyReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    notifyReady = resolve;
  });
  child.on("message", (message: Message) => {
    last = message;
    if (message.ready) notifyReady();
    if (message.paused) notifyPaused();
  });
  const ended = once(child, "exit").then(([code, signal]) => {
    children.delete(child);
    notifyReady();
    if (signal === "SIGKILL") return "killed" as const;
    if (code !== 0) throw new Error(`a worker of run ${settings.run} exited with ${code ?? signal}`);
    return last.isTaken ? ("taken" as const) : ("done" as const);
  });
  // The rejection is handled where the end is awaited.
  ended.catch(() => undefined);
  return { child, ready, paused, ended };
};

const begin = async ({ child, ready }: Worker): Promise<void> => {
  await ready;
  if (child.connected) child.send("begin");
};

/** Lets a paused process continue. */
const frozenWorker = ({ child, ended }: Worker): FrozenWorker => ({
  thaw: async () => {
    const proceed = () => child.kill("SIGCONT");
    // The message about the pause may arrive before the pause, which a single signal would then not end.
    const timer = setInterval(proceed, 100);
    proceed();
    await ended.finally(() => clearInterval(timer));
  },
});

const mostProcesses = 100;

/** Each start of a process takes a second of the processor, so the later ones live until the run is done. */
const mostDeaths = 7;

/** Works on a run until it is done. Resolves with the number of processes that it took. The next one starts in advance. */
export const finishKilledRun = async ({ random, mostSteps, frozen, ...rest }: KilledRun): Promise<number> => {
  let started = 0;
  const start = (): Worker => {
    started += 1;
    // A lock file names a process that still runs, so only a table's item can be taken over from a paused process.
    const kind = rest.store.kind === "table" && started % 2 === 1 ? "pause" : "kill";
    // The first one never reaches the end of the run.
    const steps = 1 + random.integer(started === 1 ? 30 : mostSteps);
    const death = { kind, atStep: started > mostDeaths ? Number.MAX_SAFE_INTEGER : steps } as const;
    return startWorker({ ...rest, seed: random.integer(1_000_000), death });
  };
  let [current, next] = [start(), start()];
  let hasPaused = false;
  for (let processes = 1; processes <= mostProcesses; processes += 1) {
    await begin(current);
    const end = await Promise.race([current.ended, current.paused]);
    if (end === "done") {
      next.child.kill("SIGKILL");
      await next.ended;
      return processes;
    }
    // A paused process that continues may begin the new run before this one does.
    if (end === "taken" && !hasPaused) throw new Error(`no other worker took run ${rest.run}, but a worker lost it`);
    if (end === "paused") {
      frozen.push(frozenWorker(current));
      hasPaused = true;
    }
    [current, next] = [next, start()];
  }
  throw new Error(`run ${rest.run} did not end with ${mostProcesses} processes`);
};
