// Runs the scenarios in aws-local-stepfunctions, which needs Node 22: `npm run test:node22 -- packages/workflow`.

import { describe, test } from "@jest/globals";
import { lambdaContext } from "@sluice/testing";
import type { StateDefinition, StateMachine } from "../src/index.ts";
import { type Ended, type Engine, type LambdaFunction, scenarios } from "./scenarios.ts";

const major = Number(process.versions.node.split(".")[0]);

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

interface Parameters {
  readonly FunctionName: string;
  readonly Payload: unknown;
}

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

const isCallback = ({ Resource }: StateDefinition): boolean => String(Resource).endsWith(".waitForTaskToken");

/** Creates the engine. aws-local-stepfunctions runs no tasks, so this function adds Lambda calls and task tokens. */
const localEngine = async (): Promise<Engine> => {
  const { StateMachine: Machine } = await import("aws-local-stepfunctions");
  const waiting = new Map<string, (output: unknown) => void>();
  let tokens = 0;

  const taskOf =
    (state: StateDefinition, functions: { readonly [placeholder: string]: LambdaFunction }, token: string) =>
    async (input: unknown): Promise<unknown> => {
      const { FunctionName, Payload } = input as Parameters;
      const call = functions[FunctionName.slice(2, -1)] as LambdaFunction;
      if (!isCallback(state)) return { Payload: json(await call(json(Payload) as never, lambdaContext())) };
      const output = new Promise((resolve) => waiting.set(token, resolve));
      await call(json(Payload) as never, lambdaContext());
      return output;
    };

  const run = async (
    machine: StateMachine,
    functions: { readonly [placeholder: string]: LambdaFunction },
    input: unknown,
  ): Promise<Ended> => {
    tokens += 1;
    const token = `token-${tokens}`;
    const tasks = Object.entries(machine.States).filter(([, { Type }]) => Type === "Task");
    const execution = new Machine(json(machine) as never).run(json(input) as never, {
      overrides: {
        taskResourceLocalHandlers: Object.fromEntries(
          tasks.map(([name, state]) => [name, taskOf(state, functions, token)]),
        ) as never,
        retryIntervalOverrides: Object.fromEntries(tasks.map(([name]) => [name, 0])),
      },
      context: {
        Execution: { Id: `arn:aws:states:local:execution:${tokens}`, StartTime: new Date().toISOString() },
        State: { RetryCount: 0 },
        Task: { Token: token },
      },
    });
    const log = (async () => {
      const states: string[] = [];
      let error: string | undefined;
      for await (const event of execution.eventLogs) {
        if (event.type === "StateEntered") states.push(event.state.name);
        if (event.type === "ExecutionFailed") error = event.Error;
      }
      return { states, error };
    })();
    const ended = await execution.result.then(
      (output) => ({ status: "SUCCEEDED" as const, output }),
      () => ({ status: "FAILED" as const, output: undefined }),
    );
    waiting.delete(token);
    return { ...ended, ...(await log) };
  };

  return {
    run,
    tasks: {
      sendTaskSuccess: async ({ taskToken, output }) => {
        const resolve = waiting.get(taskToken);
        if (resolve === undefined) throw named("TaskTimedOut", "the task is over");
        waiting.delete(taskToken);
        resolve(JSON.parse(output));
      },
    },
    stop: async () => undefined,
  };
};

if (major >= 22) {
  scenarios("the state machine in aws-local-stepfunctions", localEngine);
} else {
  const reason = `aws-local-stepfunctions needs Node 22, and this is ${major}: npm run test:node22 -- packages/workflow`;
  process.stderr.write(`Skipped: ${reason}\n`);
  // biome-ignore lint/suspicious/noSkippedTests: the test's name is the reason; CI runs this file on Node 22 and 24
  describe("the state machine in aws-local-stepfunctions", () => test.skip(reason, () => undefined));
}
