import { expect, test } from "@jest/globals";
import type { StreamsClient } from "@sluice/local";
import { withTimesOfWrites } from "../src/run/record-times.ts";

const minute = 1_795_000_020 - (1_795_000_020 % 60);

const timeOf = async (written: number | undefined, now: number): Promise<unknown> => {
  const dynamodb = written === undefined ? {} : { ApproximateCreationDateTime: written };
  const client = { getRecords: async () => ({ Records: [{ dynamodb }] }) } as unknown as StreamsClient;
  const { Records = [] } = await withTimesOfWrites(client, () => now * 1000 + 999).getRecords({ ShardIterator: "i" });
  return Records[0]?.dynamodb?.ApproximateCreationDateTime;
};

test.each([
  ["a record of this minute was written now", minute, minute + 40, minute + 40],
  ["a record of an earlier minute was written within that minute", minute, minute + 500, minute + 59],
  ["a record has no time before its own, if the clock of its engine is ahead", minute, minute - 5, minute],
  ["the time of an engine that knows the second stays", minute + 7, minute + 40, minute + 7],
])("%s", async (_, written, now, expected) => {
  expect(await timeOf(written, now)).toBe(expected);
});

test("a record without a time stays without one", async () => {
  expect(await timeOf(undefined, minute)).toBeUndefined();
});
