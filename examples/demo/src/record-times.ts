// DynamoDB Local gives every record the minute of its write as its time, and DynamoDB the second. With minutes the lag of
// each route would seem to grow for up to a minute.

import type { StreamsClient } from "@sluice/local";

type StreamsRecord = NonNullable<Awaited<ReturnType<StreamsClient["getRecords"]>>["Records"]>[number];

/** The demo stamps each item with the time of its write. A removed item has no stamp: its record is read soon afterwards. */
const writtenAt = ({ dynamodb }: StreamsRecord): number => {
  const stamp = dynamodb?.NewImage?.updatedAtMs;
  return stamp !== undefined && "N" in stamp ? Number(stamp.N) : Date.now();
};

const timed = (record: StreamsRecord): StreamsRecord => ({
  ...record,
  dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: Math.floor(writtenAt(record) / 1_000) },
});

/** Wraps a client, so that each record has the second of its write as its time. */
export const withSecondsOfWrites = (client: StreamsClient): StreamsClient => ({
  ...client,
  getRecords: async (input) => {
    const { Records = [], ...rest } = await client.getRecords(input);
    return { ...rest, Records: Records.map(timed) };
  },
});
