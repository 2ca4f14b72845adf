// One invocation with a batch of the stream, and the position in the batch at which it failed.

import type { StreamRecord } from "@sluice/core/envelope";
import { eventText } from "../lambda/batch.ts";
import { callFunction, type EmulatedFunction, type LambdaContext, reportedIds } from "../lambda/function-call.ts";
import type { PolledRecord } from "./polled-record.ts";

/** The event of an invocation by a DynamoDB stream. */
export interface DynamodbStreamEvent {
  readonly Records: StreamRecord[];
}

/** A Lambda function that takes records of a DynamoDB stream. */
export type DynamodbStreamHandler = (event: DynamodbStreamEvent, context: LambdaContext) => Promise<unknown>;

/** The result of an invocation. */
export interface InvocationResult {
  readonly requestId: string;
  /** Index of the first record that Lambda delivers again; undefined when all succeeded. */
  readonly failedFrom: number | undefined;
  /** Null when the failure was reported by the response and not by an error. */
  readonly functionError: "Unhandled" | null;
}

/** Settings of an invocation. */
export interface InvokeSettings extends EmulatedFunction<DynamodbStreamEvent> {
  readonly reportsBatchItemFailures: boolean;
}

/** Lambda restarts at the lowest of the reported records. */
const failedFrom = (response: unknown, records: readonly PolledRecord[]): number | undefined => {
  const indexOf = new Map(records.map(({ sequenceNumber }, index) => [sequenceNumber, index]));
  const ids = reportedIds(response, (id) => indexOf.has(id));
  if (ids === "all") return 0;
  return ids.length === 0 ? undefined : Math.min(...ids.map((id) => indexOf.get(id) as number));
};

/** Invokes the function with these records. Never rejects. */
export const invoke = async (settings: InvokeSettings, records: readonly PolledRecord[]): Promise<InvocationResult> => {
  const { requestId, threw, response } = await callFunction(settings, eventText(records));
  if (threw) return { requestId, failedFrom: 0, functionError: "Unhandled" };
  const from = settings.reportsBatchItemFailures ? failedFrom(response, records) : undefined;
  return { requestId, failedFrom: from, functionError: null };
};
