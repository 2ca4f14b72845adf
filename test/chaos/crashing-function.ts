// A function whose environments are processes. Each process kills itself at a step. These steps have a random order.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { AwsClientConfig, LambdaContext } from "@sluice/local";

/** The configuration of an environment. */
export interface FunctionSettings {
  readonly sqs: AwsClientConfig;
  readonly dynamodb: AwsClientConfig;
  readonly dedupeTable: string;
  readonly databaseUrl: string;
  readonly fifoUrl: string;
  readonly standardUrl: string;
  readonly deadLetterUrl: string;
  readonly retryUrl: string;
  /** Seed of the random failures. */
  readonly seed: number;
  /** Whether the mapper's bug is fixed. */
  readonly isFixed: boolean;
  /** The step at which the environment kills itself, or undefined if the environment never crashes. */
  readonly crashAt: string | undefined;
}

export interface CrashingFunction {
  readonly invoke: (event: unknown, context: LambdaContext) => Promise<unknown>;
  /** Returns the steps at which no environment has crashed yet. */
  readonly stepsLeft: () => readonly string[];
  readonly stop: () => Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly response?: unknown;
  readonly error?: string;
}

interface Environment {
  readonly crashAt: string | undefined;
  readonly child: ChildProcess;
  readonly ready: Promise<unknown>;
  readonly pending: Map<number, { resolve: (response: unknown) => void; reject: (error: Error) => void }>;
}

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const flags = ["--conditions=@sluice/source", `--import=${pathOf("../../scripts/strip-types.js")}`];

const startEnvironment = (settings: FunctionSettings): Environment => {
  const child = fork(pathOf("crashing-function-program.ts"), [JSON.stringify(settings)], {
    execArgv: flags,
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  });
  const pending: Environment["pending"] = new Map();
  const ready = once(child, "message");
  child.on("message", (message) => {
    const { id, response, error } = message as Answer;
    const call = pending.get(id);
    pending.delete(id);
    if (error === undefined) call?.resolve(response);
    else call?.reject(new Error(error));
  });
  child.on("exit", () => {
    for (const { reject } of pending.values()) reject(new Error("the environment crashed"));
    pending.clear();
  });
  return { crashAt: settings.crashAt, child, ready, pending };
};

/** Starts a function that crashes once at each of these steps. The next environment is always started in advance. */
export const crashingFunction = (
  settings: Omit<FunctionSettings, "crashAt">,
  steps: readonly string[],
): CrashingFunction => {
  const left = new Set(steps);
  const stepsToCome = [...steps];
  let calls = 0;
  const start = (): Environment => startEnvironment({ ...settings, crashAt: stepsToCome.shift() });
  let [current, next] = [start(), start()];

  const hasExited = ({ child }: Environment): boolean => child.exitCode !== null || child.signalCode !== null;
  const runningEnvironment = async (): Promise<Environment> => {
    if (hasExited(current)) {
      if (current.crashAt !== undefined) left.delete(current.crashAt);
      [current, next] = [next, start()];
    }
    const environment = current;
    await environment.ready;
    return environment;
  };
  const invoke = async (event: unknown, context: LambdaContext): Promise<unknown> => {
    const { child, pending } = await runningEnvironment();
    calls += 1;
    const id = calls;
    const deadlineMs = Date.now() + context.getRemainingTimeInMillis();
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      child.send({ id, event, deadlineMs }, (error) => {
        if (error) reject(error);
      });
    });
  };
  const end = async (environment: Environment): Promise<void> => {
    if (hasExited(environment)) return;
    environment.child.kill("SIGKILL");
    await once(environment.child, "exit");
  };
  return {
    invoke,
    stepsLeft: () => [...left],
    stop: async () => {
      await Promise.all([end(current), end(next)]);
    },
  };
};
