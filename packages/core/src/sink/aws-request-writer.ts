// Sends the batch requests of a client that a sink created, without the SDK's middleware, which costs most of the CPU time of
// a request. The SDK sends the first request, from which the writer learns. The SDK also reads every answer but a plain
// success, so its errors and its correction of the clock apply. The SDK's handler sends, so timeouts and TLS are the same.

import { text } from "node:stream/consumers";
import { type AwsHttpRequest, type LearnedRequest, learnRequest, nextRequest } from "./aws-learned-request.ts";
import type { AwsCredentials } from "./aws-signature.ts";
import type { EntryAnswer } from "./batch-request.ts";
import { isRecord } from "./option.ts";

/** How an operation writes the body of a request, and which entries an answer with the status 200 lists as taken. */
export interface AwsWire<Entry> {
  readonly body: (entries: readonly Entry[]) => string;
  /** The ids of the entries, as `withIds` gives them. Undefined, or an error, if the answer reports anything else. */
  readonly takenIds: (text: string) => readonly string[] | undefined;
}

interface AwsHttpResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

/** A member of the options of a request: the answer that the SDK shall read, instead of sending the request. */
const given: unique symbol = Symbol("given");

/** A member of the options of a request: the writer may learn from the request. */
const teaches: unique symbol = Symbol("teaches");

/** The options of a request. The SDK passes them to its request handler. */
interface SendOptions {
  readonly abortSignal: AbortSignal;
  readonly [given]?: AwsHttpResponse;
  readonly [teaches]?: true;
}

/** Sends one request. Resolves with the answers in the order of the entries. */
export type AwsSend<Entry> = (entries: readonly Entry[], options: SendOptions) => Promise<readonly EntryAnswer[]>;

type Handle = (request: AwsHttpRequest, options: SendOptions) => Promise<{ readonly response: AwsHttpResponse }>;

interface Handler {
  handle: Handle;
}

/** The parts of an SDK client that the writer uses. */
interface WritableClient {
  readonly config: {
    readonly credentials: () => Promise<AwsCredentials>;
    readonly systemClockOffset: number;
    readonly requestHandler: Handler;
  };
}

const isWritable = (client: unknown): client is WritableClient => {
  const { config } = client as { readonly config?: unknown };
  return (
    isRecord(config) &&
    typeof config.credentials === "function" &&
    typeof config.systemClockOffset === "number" &&
    typeof (config.requestHandler as { handle?: unknown } | undefined)?.handle === "function"
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

/**
 * Lets the client's request handler resolve with an answer that the options give, and reports the requests that teach and
 * succeed. The SDK's providers of credentials send by the same handler, for example to STS, with options of their own.
 * Returns the handler's own function.
 */
const withGivenAnswers = (requestHandler: Handler, onSuccess: (request: AwsHttpRequest) => void): Handle => {
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = async (request, options) => {
    if (options[given] !== undefined) return { response: options[given] };
    const result = await handle(request, options);
    if (options[teaches] && result.response.statusCode === 200) onSuccess(request);
    return result;
  };
  return handle;
};

/** Whether an answer with the status 200 says that every entry was taken. */
const isAllTaken = ({ takenIds }: AwsWire<never>, received: string, count: number): boolean => {
  try {
    const ids = new Set(takenIds(received));
    return ids.size === count && Array.from({ length: count }, (_, index) => String(index)).every((id) => ids.has(id));
  } catch {
    return false; // the SDK reads the answer, and reports its error
  }
};

/** After so many own requests in a row that were refused where the SDK's were not, the SDK sends all. */
const mostMistakes = 3;

/** Sends requests that are written by the writer. Undefined if the SDK must send, because nothing is learned. */
const ownSend = <Entry>({ config }: WritableClient, wire: AwsWire<Entry>) => {
  let learned: LearnedRequest | undefined;
  const learn = async (request: AwsHttpRequest): Promise<void> => {
    try {
      learned ??= learnRequest(request, await config.credentials());
    } catch {
      // Nothing is learned. The next request of the SDK teaches the same.
    }
  };
  // The answer does not wait for the credentials, which a provider may just be refreshing.
  const handle = withGivenAnswers(config.requestHandler, (request) => void learn(request));
  let mistakes = 0;
  const send = async (entries: readonly Entry[], options: SendOptions) => {
    const trace = invocationTrace();
    if (learned === undefined || trace === "unknown" || mistakes === mostMistakes) return undefined;
    const from = learned;
    const credentials = await config.credentials();
    const now = Date.now() + config.systemClockOffset;
    const { response } = await handle(nextRequest(from, wire.body(entries), credentials, now, trace.id), options);
    return { response, received: await text(response.body as NodeJS.ReadableStream) };
  };
  return {
    send,
    forget: (): void => {
      learned = undefined;
    },
    succeeded: (): void => {
      mistakes = 0;
    },
    mistaken: (): void => {
      mistakes += 1;
    },
  };
};

/**
 * Creates the function that sends, for a client that the sink created, and that sends only this operation to only this
 * target. `bySdk` sends by this client. A request that was refused for good is sent once more, by the SDK, in case that
 * the refusal is our mistake. A request that was throttled, or may have been executed, is sent only once.
 */
export const awsRequestWriter = <Entry>(
  client: unknown,
  wire: AwsWire<Entry>,
  bySdk: AwsSend<Entry>,
  isTransient: (error: unknown) => boolean,
): AwsSend<Entry> => {
  if (!isWritable(client)) return bySdk;
  const own = ownSend(client, wire);
  return async (entries, { abortSignal }) => {
    const options = { abortSignal, [teaches]: true } as const;
    const sent = await own.send(entries, options);
    if (sent === undefined) return bySdk(entries, options);
    const { response, received } = sent;
    if (response.statusCode === 200 && isAllTaken(wire, received, entries.length)) {
      own.succeeded();
      return entries.map(() => "taken");
    }
    try {
      return await bySdk(entries, { ...options, [given]: { ...response, body: Buffer.from(received) } });
    } catch (error) {
      const isRefused = response.statusCode >= 400 && response.statusCode < 500 && !isTransient(error);
      if (!isRefused) throw error;
      own.forget();
      const answers = await bySdk(entries, options);
      own.mistaken();
      return answers;
    }
  };
};
