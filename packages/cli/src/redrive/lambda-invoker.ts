// Calls the handler in Lambda.

import { awsFailure } from "../aws/aws-failure.ts";
import { FunctionFailedError, failureText, type Invoker } from "./invoker.ts";

/** The call of `Lambda` from `@aws-sdk/client-lambda` that is used. */
export interface LambdaClient {
  readonly invoke: (input: {
    FunctionName: string;
    InvocationType: "RequestResponse";
    Payload: Uint8Array;
  }) => Promise<{ readonly Payload?: Uint8Array | undefined; readonly FunctionError?: string | undefined }>;
  readonly destroy?: () => void;
}

interface LambdaFailure {
  readonly errorType?: unknown;
  readonly errorMessage?: unknown;
}

const answerIn = (payload: Uint8Array | undefined): unknown => {
  const text = Buffer.from(payload ?? []).toString();
  return text === "" ? undefined : (JSON.parse(text) as unknown);
};

const timedOut = /Task timed out after [\d.]+ seconds/;

const failureIn = (payload: Uint8Array | undefined): FunctionFailedError => {
  const { errorType, errorMessage } = (answerIn(payload) ?? {}) as LambdaFailure;
  const message = String(errorMessage ?? "");
  const [timeout] = timedOut.exec(message) ?? [];
  return new FunctionFailedError(timeout ?? failureText(String(errorType ?? "an error without a type"), message));
};

export const lambdaInvoker = (client: LambdaClient, functionName: string): Invoker => ({
  invoke: async (event) => {
    const input = {
      FunctionName: functionName,
      InvocationType: "RequestResponse",
      Payload: Buffer.from(JSON.stringify(event)),
    } as const;
    const { Payload, FunctionError } = await client.invoke(input).catch((error: Error) => {
      // By the message's fault, not the function's: others may fit.
      if (/TooLarge/.test(error.name)) throw new FunctionFailedError(`${error.name}: Lambda takes no such request`);
      throw awsFailure(`the function ${functionName}`, error);
    });
    if (FunctionError !== undefined) throw failureIn(Payload);
    return answerIn(Payload);
  },
  close: async () => client.destroy?.(),
});
