// Runs state machines in moto's Step Functions, which supports task tokens, timeouts and the context object. For each
// Lambda task, moto calls a server in this process. The server calls the function and answers like Lambda's API.

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SFN } from "@aws-sdk/client-sfn";
import { startMoto } from "@sluice/local";
import { lambdaContext } from "@sluice/testing";
import type { StateDefinition, StateMachine } from "../src/index.ts";
import type { Ended, Engine, LambdaFunction } from "./scenarios.ts";

type Functions = { readonly [placeholder: string]: LambdaFunction };

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
};

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

/** Calls a function. If the error's name begins with `Lambda.`, answers as if Lambda's API had refused the call. */
const answerFor = async (call: LambdaFunction, event: unknown): Promise<Answer> => {
  try {
    return { status: 200, body: (await call(event as never, lambdaContext())) ?? null };
  } catch (error) {
    const { name, message } = error as Error;
    const [, ofLambda] = /^Lambda\.(.*)$/.exec(name) ?? [];
    if (ofLambda !== undefined) return { status: 429, headers: { "x-amzn-errortype": ofLambda }, body: { message } };
    const body = { errorType: name, errorMessage: message, trace: [] };
    return { status: 200, headers: { "x-amz-function-error": "Unhandled" }, body };
  }
};

/** Starts a server that calls functions of this process and answers like Lambda's API. */
const lambdaServer = async (functions: () => Functions): Promise<Server> => {
  const server = createServer(async (request, response) => {
    const [, name = ""] = /\/functions\/([^/]+)\/invocations/.exec(request.url ?? "") ?? [];
    const call = functions()[decodeURIComponent(name)] as LambdaFunction;
    const { status, headers, body } = await answerFor(call, JSON.parse(await bodyOf(request)));
    response.writeHead(status, { "content-type": "application/json", "x-amzn-requestid": "1", ...headers });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
};

/** Replaces the placeholders, as a deployment does, and shortens each delay before a retry to one second. */
const deployable = (machine: StateMachine): string => {
  const hurried = ({ Retry, ...state }: StateDefinition): unknown => ({
    ...state,
    ...(Array.isArray(Retry) && {
      Retry: Retry.map((retrier) => ({ ...retrier, IntervalSeconds: 1, BackoffRate: 1, JitterStrategy: "FULL" })),
    }),
  });
  const States = Object.fromEntries(Object.entries(machine.States).map(([name, state]) => [name, hurried(state)]));
  return JSON.stringify({ ...machine, States }).replaceAll(/\$\{(\w+)\}/g, "$1");
};

const statesEntered = async (sfn: SFN, executionArn: string): Promise<string[]> => {
  const { events = [] } = await sfn.getExecutionHistory({ executionArn, maxResults: 1_000 });
  return events.flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []);
};

const runner = (sfn: SFN, deploy: (functions: Functions) => void): Engine["run"] => {
  let machines = 0;
  return async (machine, functions, input): Promise<Ended> => {
    machines += 1;
    deploy(functions);
    const { stateMachineArn } = await sfn.createStateMachine({
      name: `redrive-${machines}`,
      definition: deployable(machine),
      roleArn: "arn:aws:iam::123456789012:role/redrive",
    });
    const { executionArn } = await sfn.startExecution({ stateMachineArn, input: JSON.stringify(input) });
    for (;;) {
      const { status, output, error } = await sfn.describeExecution({ executionArn });
      if (status === "SUCCEEDED" || status === "FAILED") {
        const states = await statesEntered(sfn, executionArn as string);
        return { status, output: output === undefined ? undefined : JSON.parse(output), error, states };
      }
      if (status !== "RUNNING") throw new Error(`the execution is ${status}`);
      await sleep(50);
    }
  };
};

/** Starts moto and the server of Lambda's API. */
export const motoEngine = async (): Promise<Engine> => {
  let functions: Functions = {};
  const server = await lambdaServer(() => functions);
  const { port: taskPort } = server.address() as AddressInfo;
  const close = () => server.close();
  const moto = await startMoto({ endpoint: "", taskPort }).catch((error: unknown) => {
    close();
    throw error;
  });
  const config = JSON.stringify({ stepfunctions: { execute_state_machine: true } });
  await fetch(`${moto.endpoint}/moto-api/config`, { method: "POST", body: config });
  const sfn = new SFN(moto.clientConfig);
  const run = runner(sfn, (deployed) => {
    functions = deployed;
  });
  const stop = async (): Promise<void> => {
    sfn.destroy();
    close();
    await moto.stop();
  };
  return { run, tasks: sfn, stop };
};
