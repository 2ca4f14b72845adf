// Invokes the function with a batch of a stream, and finds the first record of the batch that failed.

import type { StreamRecord } from "@sluice/core/envelope";
import { callFunction, type EmulatedFunction, type LambdaContext } from "../lambda/function-call.ts";
import type { PolledRecord } from "./polled-record.ts";

/** The event with which a DynamoDB stream invokes a function. */
export interface DynamodbStreamEvent {
  readonly Records: StreamRecord[];
}

/** A Lambda function that takes records of a DynamoDB stream. */
export type DynamodbStreamHandler = (event: DynamodbStreamEvent, context: LambdaContext) => Promise<unknown>;

/** The result of an invocation. */
export interface InvocationResult {
  readonly requestId: string;
  /** Index of the first record that Lambda delivers again; undefined when all records succeeded. */
  readonly failedFrom: number | undefined;
  /** `Unhandled` when the function threw or timed out. Null when the function returned, even with reported failures. */
  readonly functionError: "Unhandled" | null;
}

/** Invokes the function with these records. Like Lambda, ignores the results after the first failure. Never rejects. */
export const invoke = async (
  called: EmulatedFunction<DynamodbStreamEvent>,
  records: readonly PolledRecord[],
): Promise<InvocationResult> => {
  const ids = new Set(records.map(({ sequenceNumber }) => sequenceNumber));
  const { requestId, threw, failedIds } = await callFunction(called, records, ids);
  const index = records.findIndex(({ sequenceNumber }) => failedIds.has(sequenceNumber));
  return { requestId, failedFrom: index < 0 ? undefined : index, functionError: threw ? "Unhandled" : null };
};
