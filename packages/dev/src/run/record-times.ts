// DynamoDB Local gives every record the minute of its write as its time, and DynamoDB the second. With minutes the lag of each
// route would seem to grow for up to a minute, although nothing waits.

import type { StreamsClient } from "@sluice/local";

type StreamsRecord = NonNullable<Awaited<ReturnType<StreamsClient["getRecords"]>>["Records"]>[number];

const minute = 60;

/** The record with the second at which it was read, if it was written within the minute before; otherwise the end of its minute. */
const timed = (record: StreamsRecord, now: number): StreamsRecord => {
  const written = Number(record.dynamodb?.ApproximateCreationDateTime ?? Number.NaN);
  if (written % minute !== 0) return record;
  const time = Math.max(written, Math.min(now, written + minute - 1));
  return { ...record, dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: time } };
};

/** Wraps a client, so that the time of a record whose engine knows only the minute is about that of its write. */
export const withTimesOfWrites = (client: StreamsClient, nowMs: () => number): StreamsClient => ({
  ...client,
  getRecords: async (input) => {
    const { Records = [], ...rest } = await client.getRecords(input);
    const now = Math.floor(nowMs() / 1000);
    return { ...rest, Records: Records.map((record) => timed(record, now)) };
  },
});
