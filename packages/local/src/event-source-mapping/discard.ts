// Discards a batch: sends its invocation record to the on-failure destination, and counts its records.

import { randomUUID } from "node:crypto";
import { eventText } from "../lambda/batch.ts";
import type { Counters } from "./counters.ts";
import type { InvocationResult } from "./invoke.ts";
import type { DiscardCondition, DiscardedBatch } from "./on-failure.ts";
import type { StreamMappingSettings } from "./options.ts";
import type { PolledRecord } from "./polled-record.ts";

/** Settings and counters of a delivery. */
export interface DeliverContext {
  readonly settings: StreamMappingSettings;
  readonly counters: Counters;
  readonly mappingId: string;
  readonly shardId: string;
  readonly signal: AbortSignal;
  /** Receives the finished records, in order. */
  readonly finish: (records: readonly PolledRecord[]) => void;
}

/** A batch that has not succeeded yet. If records are removed, the other records are a new batch with 0 attempts. */
export interface PendingBatch {
  readonly records: readonly PolledRecord[];
  readonly attempts: number;
  readonly last: InvocationResult | undefined;
}

const toSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");

/** Key of the S3 object: `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>` */
const objectKey = ({ mappingId, shardId }: DeliverContext, nowMs: number): string => {
  const [day = "", time = ""] = new Date(nowMs).toISOString().slice(0, 19).split("T");
  const place = `aws/lambda/${mappingId}/${shardId}/${day.replaceAll("-", "/")}`;
  return `${place}/${day}T${time.replaceAll(":", ".")}-${randomUUID()}`;
};

const discardedBatch = (
  { settings, shardId }: DeliverContext,
  { records, attempts, last }: PendingBatch,
  condition: DiscardCondition,
  nowMs: number,
): DiscardedBatch => {
  const [oldest, newest] = [records[0], records.at(-1)] as [PolledRecord, PolledRecord];
  const functionError = last?.functionError ?? null;
  return {
    requestContext: {
      requestId: last?.requestId ?? randomUUID(),
      functionArn: settings.functionArn,
      condition,
      approximateInvokeCount: attempts,
    },
    ...(condition === "RetryAttemptsExhausted" && {
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError },
    }),
    version: "1.0",
    timestamp: new Date(nowMs).toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: oldest.sequenceNumber,
      endSequenceNumber: newest.sequenceNumber,
      approximateArrivalOfFirstRecord: toSeconds(oldest.createdAtMs),
      approximateArrivalOfLastRecord: toSeconds(newest.createdAtMs),
      batchSize: records.length,
      streamArn: settings.streamArn,
    },
    ...(settings.onFailure?.kind === "s3" && { payload: eventText(records) }),
  };
};

/** Sends the invocation record of a failed batch to the destination, counts its records, and marks them as finished. */
export const discard = async (
  context: DeliverContext,
  batch: PendingBatch,
  condition: DiscardCondition,
): Promise<void> => {
  const { counters } = context;
  const { clock, onFailure, onProblem } = context.settings;
  if (batch.records.length === 0) return;
  const nowMs = clock.now();
  try {
    const key = objectKey(context, nowMs);
    await onFailure?.send(discardedBatch(context, batch, condition, nowMs), { key });
    if (onFailure) counters.onFailureDestinationDeliveredEventCount += batch.records.length;
    else counters.droppedEventCount += batch.records.length;
  } catch (error) {
    // Like AWS, drops the records if the destination fails. Only the counters show the loss.
    counters.destinationDeliveryFailures += 1;
    counters.droppedEventCount += batch.records.length;
    onProblem(error);
  }
  context.finish(batch.records);
};
