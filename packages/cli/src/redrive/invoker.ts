// Calls the pipeline's handler, which runs in Lambda or in a worker thread of this process.

import { FunctionFailedError, invokeFunction, type LambdaClient } from "@sluice/redrive";
import { awsFailure } from "../aws/aws-failure.ts";

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
