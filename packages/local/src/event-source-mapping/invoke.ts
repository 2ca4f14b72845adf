// One invocation: the event is a fresh copy, the time is limited, and the response is read as Lambda reads it.

import { randomUUID } from "node:crypto";
import type { StreamRecord } from "@sluice/core";
import type { Clock } from "../clock.ts";
import { type Entry, eventText } from "./entry.ts";

/** What the function is invoked with. */
export interface LambdaEvent {
  readonly Records: StreamRecord[];
}

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

/** A Lambda function. */
export type LambdaHandler = (event: LambdaEvent, context: LambdaContext) => Promise<unknown>;

/** What an invocation came to. */
export interface Invocation {
  readonly requestId: string;
  /** Index of the first record that has to come again; undefined when all succeeded. */
  readonly failedFrom: number | undefined;
  /** Null where the response alone, not an error, made records come again. */
  readonly functionError: "Unhandled" | null;
}

/** What an invocation depends on. */
export interface InvokeSettings {
  readonly handler: LambdaHandler;
  readonly clock: Clock;
  readonly functionName: string;
  readonly functionArn: string;
  readonly functionTimeoutMs: number;
  readonly reportsBatchItemFailures: boolean;
}

const contextFor = (settings: InvokeSettings, requestId: string): LambdaContext => {
  const { clock, functionName, functionArn, functionTimeoutMs } = settings;
  const deadlineMs = clock.now() + functionTimeoutMs;
  return {
    awsRequestId: requestId,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: functionArn,
    memoryLimitInMB: "512",
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - clock.now()),
  };
};

/** What the runtime sends back: JSON, so that a response which is not fails the invocation. */
const throughJson = (response: unknown): unknown => JSON.parse(JSON.stringify(response) ?? "null");

/** The function's response, or `threw` when it threw, was too slow, or returned what is not JSON. */
const respond = async (
  settings: InvokeSettings,
  entries: readonly Entry[],
  requestId: string,
): Promise<{ readonly threw: boolean; readonly response?: unknown }> => {
  const timer = new AbortController();
  const run = async (): Promise<{ threw: boolean; response?: unknown }> => {
    try {
      const event = JSON.parse(eventText(entries)) as LambdaEvent;
      return { threw: false, response: throughJson(await settings.handler(event, contextFor(settings, requestId))) };
    } catch {
      // What it threw is the function's own to log; the mapping only sees that it failed.
      return { threw: true };
    }
  };
  const overrun = settings.clock.sleep(settings.functionTimeoutMs, timer.signal).then(() => ({ threw: true }));
  const outcome = await Promise.race([run(), overrun]);
  timer.abort();
  return outcome;
};

const failuresOf = (response: unknown): unknown => {
  if (typeof response !== "object" || response === null) return undefined;
  return (response as { batchItemFailures?: unknown }).batchItemFailures;
};

/**
 * The first record that a response makes come again. Anything malformed and any unknown id fails the whole batch; a
 * response without the member is a success, which loses records silently where the member was misspelt.
 */
export const failedFrom = (response: unknown, entries: readonly Entry[]): number | undefined => {
  const failures = failuresOf(response);
  if (failures === undefined || failures === null) return undefined;
  if (!Array.isArray(failures)) return 0;
  const indexOf = new Map(entries.map(({ sequenceNumber }, index) => [sequenceNumber, index]));
  let lowest: number | undefined;
  for (const failure of failures as readonly { readonly itemIdentifier?: unknown }[]) {
    const index = indexOf.get(failure?.itemIdentifier as string);
    if (index === undefined) return 0;
    lowest = Math.min(lowest ?? index, index);
  }
  return lowest;
};

/** Invokes the function with these records and says where it failed. Never rejects. */
export const invoke = async (settings: InvokeSettings, entries: readonly Entry[]): Promise<Invocation> => {
  const requestId = randomUUID();
  const { threw, response } = await respond(settings, entries, requestId);
  if (threw) return { requestId, failedFrom: 0, functionError: "Unhandled" };
  const from = settings.reportsBatchItemFailures ? failedFrom(response, entries) : undefined;
  return { requestId, failedFrom: from, functionError: null };
};
