// A function whose environments are processes that are killed: one at each step, in an order by chance.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { AwsClientConfig, LambdaContext } from "@sluice/local";

/** What an environment is configured with. */
export interface FunctionSettings {
  readonly sqs: AwsClientConfig;
  readonly dynamodb: AwsClientConfig;
  readonly dedupeTable: string;
  readonly databaseUrl: string;
  readonly fifoUrl: string;
  readonly standardUrl: string;
  readonly deadLetterUrl: string;
  readonly retryUrl: string;
  /** Of what fails by chance. */
  readonly seed: number;
  /** Whether the mapper's bug is mended. */
  readonly isHealed: boolean;
  /** The step at which it is killed; undefined: none. */
  readonly dieAt: string | undefined;
}

export interface MortalFunction {
  readonly invoke: (event: unknown, context: LambdaContext) => Promise<unknown>;
  /** Steps at which no environment has died yet. */
  readonly stepsLeft: () => readonly string[];
  readonly stop: () => Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly response?: unknown;
  readonly error?: string;
}

interface Environment {
  readonly dieAt: string | undefined;
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
    const waiting = pending.get(id);
    pending.delete(id);
    if (error === undefined) waiting?.resolve(response);
    else waiting?.reject(new Error(error));
  });
  child.on("exit", () => {
    for (const { reject } of pending.values()) reject(new Error("the environment died"));
    pending.clear();
  });
  return { dieAt: settings.dieAt, child, ready, pending };
};

/** A function that dies at each of these steps once. The next environment is always made ready beforehand. */
export const mortalFunction = (settings: Omit<FunctionSettings, "dieAt">, steps: readonly string[]): MortalFunction => {
  const left = new Set(steps);
  const toCome = [...steps];
  let calls = 0;
  const start = (): Environment => startEnvironment({ ...settings, dieAt: toCome.shift() });
  let [current, next] = [start(), start()];

  const isDead = ({ child }: Environment): boolean => child.exitCode !== null || child.signalCode !== null;
  const living = async (): Promise<Environment> => {
    if (isDead(current)) {
      if (current.dieAt !== undefined) left.delete(current.dieAt);
      [current, next] = [next, start()];
    }
    const one = current;
    await one.ready;
    return one;
  };
  const invoke = async (event: unknown, context: LambdaContext): Promise<unknown> => {
    const { child, pending } = await living();
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
    if (isDead(environment)) return;
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
