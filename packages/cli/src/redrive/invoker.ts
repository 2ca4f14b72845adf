// Calls the pipeline's handler, which runs in Lambda, in a worker thread, or in this process.

import type { Pipeline } from "@sluice/core";
import { FunctionFailedError, functionFailed, invokeFunction, type LambdaClient } from "@sluice/redrive";
import { awsFailure } from "../aws/aws-failure.ts";
import { localContexts } from "../pipeline-command/local-context.ts";

/** Calls the handler with one event at a time. */
export interface Invoker {
  /**
   * Calls the handler with an event, and resolves with the handler's answer.
   * @throws {FunctionFailedError} when the handler was called and failed
   * @throws {CommandError} when the handler cannot be called
   */
  readonly invoke: (event: unknown) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Creates an invoker for a handler in Lambda. */
export const lambdaInvoker = (
  client: LambdaClient & { readonly destroy?: () => void },
  functionName: string,
): Invoker => ({
  invoke: (event) =>
    invokeFunction(client, functionName, event).catch((error: unknown) => {
      throw error instanceof FunctionFailedError ? error : awsFailure(`the function ${functionName}`, error);
    }),
  close: async () => client.destroy?.(),
});

/** Remaining time in the handler's context: Lambda's longest timeout in milliseconds. */
const maxInvocationMs = 900_000;

/** Creates an invoker for a pipeline of this process. */
export const pipelineInvoker = (pipeline: Pick<Pipeline<unknown>, "handler">): Invoker => {
  const handler = pipeline.handler();
  const newContext = localContexts("sluice-redrive", maxInvocationMs);
  return {
    invoke: async (event) => {
      try {
        return await handler(event as Parameters<typeof handler>[0], newContext());
      } catch (error) {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        throw functionFailed(name, message);
      }
    },
    close: async () => undefined,
  };
};
