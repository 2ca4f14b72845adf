// One invocation with a batch of the stream, and where in the batch it failed.

import type { StreamRecord } from "@sluice/core/envelope";
import { eventText } from "../lambda/batch.ts";
import { callFunction, type LambdaContext, type LambdaFunction, reportedIds } from "../lambda/function-call.ts";
import type { Entry } from "./polled-record.ts";

/** What the function is invoked with. */
export interface LambdaEvent {
  readonly Records: StreamRecord[];
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
export interface InvokeSettings extends LambdaFunction<LambdaEvent> {
  readonly reportsBatchItemFailures: boolean;
}

/** The first record that a response makes come again: Lambda restarts at the lowest. */
const failedFrom = (response: unknown, entries: readonly Entry[]): number | undefined => {
  const indexOf = new Map(entries.map(({ sequenceNumber }, index) => [sequenceNumber, index]));
  const ids = reportedIds(response, (id) => indexOf.has(id));
  if (ids === "all") return 0;
  return ids.length === 0 ? undefined : Math.min(...ids.map((id) => indexOf.get(id) as number));
};

/** Invokes the function with these records and says where it failed. Never rejects. */
export const invoke = async (settings: InvokeSettings, entries: readonly Entry[]): Promise<Invocation> => {
  const { requestId, threw, response } = await callFunction(settings, eventText(entries));
  if (threw) return { requestId, failedFrom: 0, functionError: "Unhandled" };
  const from = settings.reportsBatchItemFailures ? failedFrom(response, entries) : undefined;
  return { requestId, failedFrom: from, functionError: null };
};
