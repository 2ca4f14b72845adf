// Calls the pipeline's handler: in Lambda, or in a worker of this process.

import { FunctionFailedError, invokeFunction, type LambdaClient } from "@sluice/redrive";
import { awsFailure } from "../aws/aws-failure.ts";

/** Calls the handler with one event at a time. */
export interface Invoker {
  /**
   * Resolves with the handler's answer.
   * @throws {FunctionFailedError} when the function was called and failed
   * @throws {CommandError} when the function cannot be called
   */
  readonly invoke: (event: unknown) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Calls the handler in Lambda. */
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
