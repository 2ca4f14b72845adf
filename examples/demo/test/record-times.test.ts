import { expect, test } from "@jest/globals";
import type { StreamsClient } from "@sluice/local";
import { withSecondsOfWrites } from "../src/record-times.ts";

test("a record has the second of its write as its time, and a removal the second in which it is read", async () => {
  const minute = 1_790_000_040;
  const client = {
    getRecords: async () => ({
      NextShardIterator: "next",
      Records: [
        {
          eventID: "a",
          dynamodb: { ApproximateCreationDateTime: minute, NewImage: { updatedAtMs: { N: "1790000057890" } } },
        },
        { eventID: "b", dynamodb: { ApproximateCreationDateTime: minute } },
      ],
    }),
  } as Partial<StreamsClient> as StreamsClient;
  const before = Math.floor(Date.now() / 1_000);
  const { Records = [], NextShardIterator } = await withSecondsOfWrites(client).getRecords({ ShardIterator: "first" });
  const [put, removal] = Records.map(({ dynamodb }) => Number(dynamodb?.ApproximateCreationDateTime));
  expect(NextShardIterator).toBe("next");
  expect(put).toBe(1_790_000_057);
  expect(removal).toBeGreaterThanOrEqual(before);
});
