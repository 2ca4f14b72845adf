// One call of a function: the event is a fresh copy, the time is limited, and the response is read as Lambda reads it.

import { randomUUID } from "node:crypto";
import type { Clock } from "../fake-clock.ts";

/** The part of Lambda's context that functions use. */
export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  readonly callbackWaitsForEmptyEventLoop: boolean;
  readonly getRemainingTimeInMillis: () => number;
}

/** A function that takes events of one kind. */
export interface LambdaFunction<Event> {
  readonly handler: (event: Event, context: LambdaContext) => Promise<unknown>;
  readonly clock: Clock;
  readonly functionName: string;
  readonly functionTimeoutMs: number;
}

/** What a call came to. */
export interface FunctionCall {
  readonly requestId: string;
  /** Whether it threw, was too slow, or returned what is no JSON. */
  readonly threw: boolean;
  readonly response?: unknown;
}

const contextFor = (
  { clock, functionName, functionTimeoutMs }: LambdaFunction<never>,
  requestId: string,
): LambdaContext => {
  const deadlineMs = clock.now() + functionTimeoutMs;
  return {
    awsRequestId: requestId,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: functionArnOf(functionName),
    memoryLimitInMB: "512",
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - clock.now()),
  };
};

/** The ARN of a function by this name. */
export const functionArnOf = (functionName: string): string =>
  `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`;

/** What the runtime sends back: JSON, so that a response which is not fails the invocation. */
const throughJson = (response: unknown): unknown => JSON.parse(JSON.stringify(response) ?? "null");

/** Calls the function with the event in this JSON. Never rejects. */
export const callFunction = async <Event>(called: LambdaFunction<Event>, eventJson: string): Promise<FunctionCall> => {
  const requestId = randomUUID();
  const timer = new AbortController();
  const run = async (): Promise<FunctionCall> => {
    try {
      const event = JSON.parse(eventJson) as Event;
      const response = await called.handler(event, contextFor(called, requestId));
      return { requestId, threw: false, response: throughJson(response) };
    } catch {
      // What it threw is the function's own to log; the mapping only sees that it failed.
      return { requestId, threw: true };
    }
  };
  const overrun = async (): Promise<FunctionCall> => {
    await called.clock.sleep(called.functionTimeoutMs, timer.signal);
    return { requestId, threw: true };
  };
  const outcome = await Promise.race([run(), overrun()]);
  timer.abort();
  return outcome;
};

const failuresOf = (response: unknown): unknown => {
  if (typeof response !== "object" || response === null) return undefined;
  return (response as { batchItemFailures?: unknown }).batchItemFailures;
};

/**
 * Ids of the records that a response makes come again. Anything malformed and any unknown id brings all; a response
 * without the member is a success, which loses records silently where the member was misspelt.
 */
export const reportedIds = (response: unknown, isKnown: (id: string) => boolean): readonly string[] | "all" => {
  const failures = failuresOf(response);
  if (failures === undefined || failures === null) return [];
  if (!Array.isArray(failures)) return "all";
  const ids = (failures as readonly ({ readonly itemIdentifier?: unknown } | null)[]).map(
    (failure) => failure?.itemIdentifier,
  );
  return ids.every((id): id is string => typeof id === "string" && isKnown(id)) ? ids : "all";
};
