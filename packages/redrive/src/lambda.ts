// Calls a Lambda function and waits for its answer.

import { type AwsService, awsRequestError } from "@sluice/core/sink-kit";
import { FunctionFailedError, functionFailed } from "./function-error.ts";

/**
 * The method of the SDK's client `Lambda` that a redrive calls. You may pass your own client of that class.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export interface LambdaClient {
  readonly invoke: (
    input: { FunctionName: string; Payload: string },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<{ readonly FunctionError?: string | undefined; readonly Payload?: Uint8Array | undefined }>;
}

/** Lambda's error names that are not in the common table of `@sluice/core`. @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors */
export const lambdaService: AwsService = {
  name: "Lambda",
  codes: {
    EC2Throttled: "SINK_THROTTLED",
    ENILimitReached: "SINK_THROTTLED",
    RequestTooLarge: "SINK_TOO_LARGE",
    ResourceNotFound: "SINK_MISSING",
  },
};

const jsonIn = (payload: Uint8Array | undefined): unknown => {
  const text = Buffer.from(payload ?? []).toString();
  return text === "" ? undefined : JSON.parse(text);
};

/**
 * Calls a function with an event, and resolves with the function's answer.
 * @throws {FunctionFailedError} when the function failed, or when Lambda refused the event because of the event's size.
 * @throws the SDK's error when Lambda did not call the function for another reason.
 */
export const invokeFunction = async (
  client: LambdaClient,
  functionName: string,
  event: unknown,
  signal?: AbortSignal,
): Promise<unknown> => {
  const request = { FunctionName: functionName, Payload: JSON.stringify(event) };
  const answer = await client.invoke(request, signal && { abortSignal: signal }).catch((cause: unknown) => {
    const { code, message } = awsRequestError("lambda", lambdaService, cause);
    // The event is too large. After a `FunctionFailedError`, the engine splits the request and sends the parts.
    if (code === "SINK_TOO_LARGE") throw new FunctionFailedError(message, "RequestTooLarge", { cause, code });
    throw cause;
  });
  const value = jsonIn(answer.Payload);
  if (answer.FunctionError === undefined) return value;
  const { errorType, errorMessage } = (value ?? {}) as { readonly [member: string]: unknown };
  const text = (member: unknown): string | undefined => (typeof member === "string" ? member : undefined);
  throw functionFailed(text(errorType) ?? answer.FunctionError, text(errorMessage) ?? "");
};
