// Sends requests. Each ends before the invocation's time is over. Errors of the client become `SinkError`s.

import { isRecord, SinkError, unanswered, untilAborted, type WriteContext } from "@sluice/core/sink-kit";
import { type RequestFailure, requestFailure } from "../classify.ts";
import type { FieldNames } from "../write/reason.ts";
import type { OpensearchClient, OpensearchRequest } from "./client.ts";

/** Settings for sending requests. */
export interface RequestOptions {
  /** Name of the sink, for error messages. */
  readonly sink: string;
  readonly context: WriteContext;
  readonly timeoutMs: number;
  /** The names of fields that an error may show. Default: the attributes of an item. */
  readonly names?: FieldNames;
}

/** The body of a successful answer, or the failure of the request. */
export type OpensearchAnswer = { readonly body: unknown } | { readonly failure: RequestFailure };

/**
 * Returns the answer that the client refused to parse because an object in it has a member `__proto__` or `constructor`, as
 * an item may have. Undefined if the answer is not JSON.
 */
const unparsedBody = (error: unknown): unknown => {
  if (!isRecord(error) || error.name !== "DeserializationError" || typeof error.data !== "string") return undefined;
  try {
    return JSON.parse(error.data);
  } catch {
    return undefined;
  }
};

/** Sends a request without retries, because `@sluice/core` decides whether to retry. */
export const sendRequest = async (
  client: OpensearchClient,
  request: OpensearchRequest,
  { sink, context, timeoutMs, names }: RequestOptions,
): Promise<OpensearchAnswer> => {
  const { signal, remainingMs } = context;
  try {
    const requestTimeout = Math.max(1, Math.floor(Math.min(timeoutMs, remainingMs())));
    const sent = client.transport.request({ ...request }, { maxRetries: 0, requestTimeout });
    const timedOut = (): SinkError => {
      sent.abort?.();
      return unanswered(sink, "OpenSearch");
    };
    const { body } = await untilAborted(Promise.resolve(sent), signal, timedOut);
    return { body };
  } catch (error) {
    if (error instanceof SinkError) return { failure: { error, mayBeOneEntry: false } };
    const body = unparsedBody(error);
    return body === undefined ? { failure: requestFailure(sink, error, names) } : { body };
  }
};

/** Sends a request, and returns the body of its answer. @throws {SinkError} when the request fails. */
export const requestBody = async (
  client: OpensearchClient,
  request: OpensearchRequest,
  options: RequestOptions,
): Promise<unknown> => {
  const answer = await sendRequest(client, request, options);
  if ("failure" in answer) throw answer.failure.error;
  return answer.body;
};
