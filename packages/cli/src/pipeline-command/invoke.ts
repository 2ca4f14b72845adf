// Hands records to the pipeline: in this process, or in Lambda.

import { FunctionUnreachableError, type Invoke, type TaskAnswer, type TaskEvent } from "@sluice/backfill";
import type { Pipeline } from "@sluice/core";
import { FunctionFailedError, invokeFunction, type LambdaClient } from "@sluice/redrive";
import { awsFailure } from "../aws/aws-failure.ts";
import { type AwsOptions, lambdaClient } from "../aws/clients.ts";
import { localContexts } from "./local-context.ts";
import type { Resources } from "./resources.ts";

/** Remaining time in the handler's context, in milliseconds. Lambda's longest timeout is three times as long. */
const maxInvocationMs = 300_000;

const newContext = localContexts("sluice-backfill", maxInvocationMs);

/**
 * Creates an `Invoke` that calls the pipeline's handler in this process. In Lambda a handler has one invocation at a time,
 * so each of several calls at once gets a handler of its own.
 */
const invokeHere = (pipeline: Pipeline<unknown>): Invoke => {
  const free: ReturnType<Pipeline<unknown>["handler"]>[] = [];
  return async (event: TaskEvent) => {
    const handler = free.pop() ?? pipeline.handler();
    try {
      return (await handler(event, newContext())) as unknown as TaskAnswer;
    } finally {
      free.push(handler);
    }
  };
};

/** Creates an `Invoke` that calls a function in Lambda. */
const invokeLambda =
  (client: LambdaClient, functionName: string): Invoke =>
  async (event, signal) => {
    try {
      return (await invokeFunction(client, functionName, event, signal)) as TaskAnswer;
    } catch (error) {
      if (error instanceof FunctionFailedError) throw error;
      const { message } = awsFailure(`the function ${functionName}`, error);
      throw new FunctionUnreachableError(message, { cause: error });
    }
  };

/** Creates the `Invoke` that the options `--to` and `--function` choose. */
export const openInvoke = async (
  {
    to,
    functionName,
    aws,
  }: { readonly to: string; readonly functionName: string | undefined; readonly aws: AwsOptions },
  pipeline: Pipeline<unknown>,
  opened: Resources,
): Promise<Invoke> => {
  if (to === "here" || functionName === undefined) return invokeHere(pipeline);
  const client = await lambdaClient(aws, functionName);
  opened.add({ close: () => client.destroy() });
  return invokeLambda(client, functionName);
};

/** Returns an `Invoke` with which nothing is written. */
export const withoutWrites =
  (invoke: Invoke): Invoke =>
  ({ sluice, Records }, signal) =>
    invoke({ sluice: { ...sluice, dryRun: true }, Records }, signal);
