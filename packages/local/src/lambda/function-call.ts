// Calls a function with a new copy of the event and with a time limit, and interprets the response as Lambda does.

import { randomUUID } from "node:crypto";
import { type Clock, isRecord } from "@sluice/core/sink-kit";
import { atMost } from "./at-most.ts";
import { eventText, type RecordText } from "./batch.ts";

/** The members of Lambda's context object that the emulation provides. */
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

/** A function that takes events of one type, and the limits of its invocations. */
export interface EmulatedFunction<Event> {
  readonly handler: (event: Event, context: LambdaContext) => Promise<unknown>;
  readonly clock: Clock;
  readonly functionName: string;
  readonly functionTimeoutMs: number;
  /** If false, the function's response is ignored, so the response cannot report failed records. */
  readonly reportsBatchItemFailures: boolean;
  /** Called with the error of a call that threw, or that timed out. */
  readonly onFunctionError: (error: unknown) => void;
}

/** The result of a call. */
export interface FunctionCall {
  readonly requestId: string;
  /** Whether the function threw, timed out, or returned a value that JSON cannot hold. */
  readonly threw: boolean;
  /** Ids of the records that failed. If the function threw, the ids of all records. */
  readonly failedIds: ReadonlySet<unknown>;
}

const contextFor = (
  { clock, functionName, functionTimeoutMs }: EmulatedFunction<never>,
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

/** The ARN of the function with this name. */
export const functionArnOf = (functionName: string): string =>
  `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`;

/** Returns the response as it is after a transfer as JSON. Throws if JSON cannot hold the response. */
const throughJson = (response: unknown): unknown => JSON.parse(JSON.stringify(response) ?? "null");

/**
 * Ids of the records that a response reports as failed. A malformed list or an unknown id fails the whole batch. A
 * missing list means success. So if the list's name is misspelt, the failed records are lost silently.
 */
const reportedIds = (response: unknown, ids: ReadonlySet<unknown>): ReadonlySet<unknown> => {
  const failures = (isRecord(response) ? response.batchItemFailures : undefined) ?? [];
  if (!Array.isArray(failures)) return ids;
  const reported = new Set(failures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier));
  return [...reported].every((id) => ids.has(id)) ? reported : ids;
};

/** Calls the function with an event of `records`. `ids` are the ids of the same records. Never rejects. */
export const callFunction = async <Event>(
  called: EmulatedFunction<Event>,
  records: readonly RecordText[],
  ids: ReadonlySet<string>,
): Promise<FunctionCall> => {
  const requestId = randomUUID();
  const failure = { requestId, threw: true, failedIds: ids };
  const run = async (): Promise<FunctionCall> => {
    try {
      const event = JSON.parse(eventText(records)) as Event;
      const response = throughJson(await called.handler(event, contextFor(called, requestId)));
      const failedIds = called.reportsBatchItemFailures ? reportedIds(response, ids) : new Set();
      return { requestId, threw: false, failedIds };
    } catch (error) {
      called.onFunctionError(error);
      return failure;
    }
  };
  const call = await atMost(called.clock, called.functionTimeoutMs, run());
  if (call !== undefined) return call;
  called.onFunctionError(new Error(`Task timed out after ${called.functionTimeoutMs / 1000} seconds`));
  return failure;
};
