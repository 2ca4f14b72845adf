// A synchronous call of a Lambda function: the pipeline's, or the user's fix.

import { type AwsService, missingDependency } from "@sluice/core/sink-kit";

/**
 * The one call of `Lambda` from `@aws-sdk/client-lambda` that is made; your own client fits.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export interface LambdaClient {
  readonly invoke: (
    input: { FunctionName: string; Payload: string },
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<{ readonly FunctionError?: string | undefined; readonly Payload?: Uint8Array | undefined }>;
}

/** What a function answered; `failed`: it threw, timed out or crashed, and this is the kind of its error. */
export type FunctionAnswer = { readonly value: unknown } | { readonly failed: string };

/**
 * What a request may hold, with some left for what is around the messages. Lambda's limit is 6 MB.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25)
 */
export const maxPayloadBytes = 5_500_000;

/** Names that core's table lacks. @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors */
export const lambda: AwsService = {
  name: "Lambda",
  codes: {
    EC2Throttled: "SINK_THROTTLED",
    ENILimitReached: "SINK_THROTTLED",
    RequestTooLarge: "SINK_TOO_LARGE",
    ResourceNotFound: "SINK_MISSING",
  },
};

/** A `Lambda` client with the SDK's own defaults: an answer may take a function's whole time. */
export const loadLambda = async (): Promise<LambdaClient & { readonly destroy: () => void }> => {
  const { Lambda } = await import("@aws-sdk/client-lambda").catch(
    missingDependency("the redrive workflow", "@aws-sdk/client-lambda"),
  );
  return new Lambda({});
};

const jsonIn = (payload: Uint8Array | undefined): unknown => {
  const text = Buffer.from(payload ?? []).toString();
  return text === "" ? undefined : JSON.parse(text);
};

/** Calls a function with JSON. Rejects with the SDK's error when there was no call. */
export const call = async (
  client: LambdaClient,
  functionName: string,
  { input, signal }: { readonly input: unknown; readonly signal: AbortSignal },
): Promise<FunctionAnswer> => {
  const request = { FunctionName: functionName, Payload: JSON.stringify(input) };
  const { FunctionError, Payload } = await client.invoke(request, { abortSignal: signal });
  const value = jsonIn(Payload);
  if (FunctionError === undefined) return { value };
  // The message may quote values; the type does not.
  return { failed: String((value as { errorType?: unknown } | undefined)?.errorType ?? FunctionError) };
};
