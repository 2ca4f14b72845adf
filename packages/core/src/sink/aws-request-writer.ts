// Sends the batch requests of a client that a sink created, without the SDK's middleware, which costs most of the CPU time of
// a message. The SDK sends the first request, from which the writer learns. Anything but a plain success is repeated by the SDK,
// so errors, clock skew and refused credentials stay its work. The SDK's handler sends, so timeouts and TLS are the same.

import { text } from "node:stream/consumers";
import { type AwsHttpRequest, type LearnedRequest, learnRequest, nextRequest } from "./aws-learned-request.ts";
import type { AwsCredentials } from "./aws-signature.ts";
import { isRecord } from "./option.ts";

/** How an operation writes the body of a request and reads the body of an answer with the status 200. */
export interface AwsWire<Entry, Answer> {
  readonly body: (entries: readonly Entry[]) => string;
  /** Undefined, or an error, if the answer has another form than expected. */
  readonly answer: (text: string) => Answer | undefined;
}

interface AwsHttpResponse {
  readonly statusCode: number;
  readonly body: NodeJS.ReadableStream;
}

interface MiddlewareArguments {
  readonly request?: unknown;
}

type Next = (args: MiddlewareArguments) => Promise<unknown>;

/** The parts of an SDK client that the writer uses. */
interface WritableClient {
  readonly config: {
    readonly credentials: () => Promise<AwsCredentials>;
    readonly systemClockOffset: number;
    readonly requestHandler: {
      readonly handle: (
        request: AwsHttpRequest,
        options: { readonly abortSignal: AbortSignal },
      ) => Promise<{ readonly response: AwsHttpResponse }>;
    };
  };
  readonly middlewareStack: {
    readonly add: (
      middleware: (next: Next) => Next,
      options: { readonly step: "deserialize"; readonly priority: "low"; readonly name: string },
    ) => void;
  };
}

/** Sends entries. Resolves with undefined if the SDK must send them, because nothing is learned or no success came back. */
export type AwsRequestWriter<Entry, Answer> = (
  entries: readonly Entry[],
  signal: AbortSignal,
) => Promise<Answer | undefined>;

const isWritable = (client: unknown): client is WritableClient => {
  const { config, middlewareStack } = client as Partial<Record<keyof WritableClient, unknown>>;
  return (
    isRecord(config) &&
    typeof config.credentials === "function" &&
    typeof (config.requestHandler as { handle?: unknown } | undefined)?.handle === "function" &&
    typeof (middlewareStack as { add?: unknown } | undefined)?.add === "function"
  );
};

/** The context of an invocation that Lambda's runtime provides to the SDK. */
interface InvokeStore {
  readonly getXRayTraceId?: () => string | undefined;
  readonly getTraceparent?: () => string | undefined;
}

/**
 * The trace of the invocation, by which Lambda stops recursive loops. "unknown" if only the SDK can find it.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html (read 2026-11-29)
 */
const invocationTrace = (): { readonly id?: string } | "unknown" => {
  const { AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA, _X_AMZN_TRACE_ID } = process.env;
  const { awslambda } = globalThis as { readonly awslambda?: { readonly InvokeStore?: InvokeStore } };
  const store = awslambda?.InvokeStore;
  if (AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA || store?.getTraceparent?.()) return "unknown";
  const id = store?.getXRayTraceId?.() ?? _X_AMZN_TRACE_ID;
  return AWS_LAMBDA_FUNCTION_NAME && id ? { id } : {};
};

const send = async <Answer>(
  { config }: WritableClient,
  learned: LearnedRequest,
  body: string,
  answer: (text: string) => Answer | undefined,
  abortSignal: AbortSignal,
): Promise<Answer | undefined> => {
  const trace = invocationTrace();
  if (trace === "unknown") return undefined;
  const credentials = await config.credentials();
  const request = nextRequest(learned, body, credentials, Date.now() + config.systemClockOffset, trace.id);
  const { response } = await config.requestHandler.handle(request, { abortSignal });
  const received = await text(response.body);
  return response.statusCode === 200 ? answer(received) : undefined;
};

/** Whether an error says that time is up, so that the request must not be repeated. */
const isTimeUp = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted || (error instanceof Error && error.name === "TimeoutError");

/** Creates the writer for a client that the sink created, and that sends only this operation to only this target. */
export const awsRequestWriter = <Entry, Answer>(
  client: unknown,
  { body, answer }: AwsWire<Entry, Answer>,
): AwsRequestWriter<Entry, Answer> => {
  let learned: LearnedRequest | undefined;
  if (!isWritable(client)) return () => Promise.resolve(undefined);
  const learn =
    (next: Next): Next =>
    async (args) => {
      const result = await next(args);
      learned ??= learnRequest(args.request as AwsHttpRequest);
      return result;
    };
  client.middlewareStack.add(learn, { step: "deserialize", priority: "low", name: "sluiceRequestWriter" });
  return async (entries, signal) => {
    if (learned === undefined) return undefined;
    try {
      return await send(client, learned, body(entries), answer, signal);
    } catch (error) {
      if (isTimeUp(error, signal)) throw error;
      return undefined; // the SDK repeats the request, and reports the error if it occurs again
    }
  };
};
