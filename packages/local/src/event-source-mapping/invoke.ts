// One invocation with a batch of the stream, and the position in the batch at which it failed.

import type { StreamRecord } from "@sluice/core/envelope";
import { callFunction, type EmulatedFunction, type LambdaContext } from "../lambda/function-call.ts";
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

/** Invokes the function with these records. Lambda restarts at the lowest of the failed ones. Never rejects. */
export const invoke = async (
  called: EmulatedFunction<DynamodbStreamEvent>,
  records: readonly PolledRecord[],
): Promise<InvocationResult> => {
  const ids = new Set(records.map(({ sequenceNumber }) => sequenceNumber));
  const { requestId, threw, failedIds } = await callFunction(called, records, ids);
  const index = records.findIndex(({ sequenceNumber }) => failedIds.has(sequenceNumber));
  return { requestId, failedFrom: index < 0 ? undefined : index, functionError: threw ? "Unhandled" : null };
};
