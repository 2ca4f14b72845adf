// Tests `sluice redrive --from on-failure-destination` with failed batches that Lambda has sent to SQS or S3.

import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { onFailureDestinationReader } from "@sluice/core";
import type { StreamRecord, StreamsReader } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { sumOf, withShop } from "./support/bench.ts";
import { deadLetterOf, newQueue, recordOf } from "./support/dead-letters.ts";
import { bad } from "./support/shop.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const sequenceNumberOf = ({ dynamodb }: StreamRecord): string => dynamodb?.SequenceNumber ?? "";

/** Lambda's invocation record of a batch. Records in S3 also have a `payload`. */
const invocationRecord = (records: readonly StreamRecord[], payload?: unknown): string => {
  const [first, last] = [records[0] as StreamRecord, records.at(-1) as StreamRecord];
  return JSON.stringify({
    requestContext: {
      requestId: "r",
      functionArn: "f",
      condition: "RetryAttemptsExhausted",
      approximateInvokeCount: 3,
    },
    version: "1.0",
    timestamp: "2026-01-02T04:00:00.000Z",
    DDBStreamBatchInfo: {
      shardId: "shardId-1",
      startSequenceNumber: sequenceNumberOf(first),
      endSequenceNumber: sequenceNumberOf(last),
      approximateArrivalOfFirstRecord: "2026-01-02T03:04:05Z",
      approximateArrivalOfLastRecord: "2026-01-02T03:05:05Z",
      batchSize: records.length,
      streamArn: first.eventSourceARN,
    },
    ...(payload !== undefined && { payload }),
  });
};

/** A stream that contains these records. */
const streamOf = (records: readonly StreamRecord[]): StreamsReader => ({
  getShardIterator: async ({ SequenceNumber = "0" }) => {
    if (records.some((record) => sequenceNumberOf(record) === SequenceNumber)) return { ShardIterator: SequenceNumber };
    throw Object.assign(new Error("trimmed"), { name: "TrimmedDataAccessException" });
  },
  getRecords: async ({ ShardIterator }) => ({
    Records: records.filter((record) => BigInt(sequenceNumberOf(record)) >= BigInt(ShardIterator)),
  }),
});

/** A stream that contains only these records, because its older records have been trimmed. */
const trimmedStream = (records: readonly StreamRecord[]): StreamsReader => ({
  ...streamOf(records),
  getShardIterator: async ({ ShardIteratorType }) => {
    if (ShardIteratorType === "TRIM_HORIZON") return { ShardIterator: "0" };
    throw Object.assign(new Error("trimmed"), { name: "TrimmedDataAccessException" });
  },
});

describeWithSqs("sluice redrive --from on-failure-destination", (engine) => {
  const client = new SQS(engine.clientConfig);
  const s3 = new S3({ ...engine.clientConfig, forcePathStyle: true });
  afterAll(() => {
    client.destroy();
    s3.destroy();
  });

  test("reads the records of pointers in SQS and SNS messages from the stream, and delivers them to every sink", async () => {
    const records = [1, 2, 3].map((position) => recordOf(`item ${position}`, position));
    const onFailureDestination = onFailureDestinationReader({ streams: streamOf(records) });
    await withShop(
      async ({ shop, redrive }) => {
        const queue = await newQueue(client);
        const bySns = { Type: "Notification", Message: invocationRecord(records.slice(2)) };
        await queue.fill([invocationRecord(records.slice(0, 2)), JSON.stringify(bySns)]);
        expect(await redrive(queue.url, "--from", "on-failure-destination")).toMatchObject({
          code: 0,
          stdout: "2 received = 2 delivered\n",
        });
        expect(shop.orders.items().size).toBe(3);
        expect(shop.feed.sent()).toHaveLength(3);
        expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
      },
      { source: "Orders", onFailureDestination },
    );
  });

  test("reports lost records by sequence numbers and times, with the remedy", async () => {
    const records = [7, 8].map((position) => recordOf("gone", position));
    await withShop(
      async ({ shop, redrive }) => {
        const queue = await newQueue(client);
        await queue.fill([invocationRecord(records)]);
        const lostLine = new RegExp(
          `^lost: 2 of 2 records .* sequence numbers ${sequenceNumberOf(records[0] as StreamRecord)} to ` +
            `${sequenceNumberOf(records[1] as StreamRecord)} .* from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z; run sluice verify`,
          "m",
        );
        const dry = await redrive(queue.url, "--from", "on-failure-destination", "--dry-run");
        expect(dry.stdout).toMatch(lostLine);
        expect(await queue.counts()).toEqual({ visible: 1, hidden: 0 });
        const ended = await redrive(queue.url, "--from", "on-failure-destination");
        expect(ended.stdout).toMatch(lostLine);
        expect(ended.stdout).toContain("1 rejected, RECORD_LOST, now a dead letter\n");
        expect(ended.code).toBe(1);
        expect(shop.deadLetters.map(({ code }) => code)).toEqual(["RECORD_LOST", "RECORD_LOST"]);
        expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
      },
      { source: "Orders", onFailureDestination: onFailureDestinationReader({ streams: streamOf([]) }) },
    );
  });

  test("reports both lost records and rejected records", async () => {
    const [gone, rejected] = [recordOf("gone", 1), recordOf(bad, 2)];
    await withShop(
      async ({ redrive }) => {
        const queue = await newQueue(client);
        await queue.fill([invocationRecord([gone, rejected])]);
        const ended = await redrive(queue.url, "--from", "on-failure-destination");
        expect(ended.stdout).toMatch(/^lost: 1 of 2 records are no longer in the stream/m);
      },
      { source: "Orders", onFailureDestination: onFailureDestinationReader({ streams: trimmedStream([rejected]) }) },
    );
  });

  test("releases messages that are not invocation records, or older than --since", () =>
    withShop(async ({ redrive }) => {
      const queue = await newQueue(client);
      await queue.fill(["{}", deadLetterOf("a"), invocationRecord([recordOf("a")])]);
      const ended = await redrive(queue.url, "--from", "on-failure-destination", "--since", "1h");
      expect(sumOf(ended)).toBe("3 received = 1 not selected + 2 unsupported");
      expect(await queue.counts()).toEqual({ visible: 3, hidden: 0 });
    }));

  let buckets = 0;
  const newBucket = async (objects: Readonly<Record<string, string>>): Promise<string> => {
    buckets += 1;
    const Bucket = `on-failure-${process.pid}-${buckets}`;
    await s3.createBucket({ Bucket });
    for (const [Key, Body] of Object.entries(objects)) await s3.putObject({ Bucket, Key, Body });
    return Bucket;
  };
  const keysIn = async (Bucket: string): Promise<(string | undefined)[]> =>
    ((await s3.listObjectsV2({ Bucket })).Contents ?? []).map(({ Key }) => Key);
  const env = { AWS_ENDPOINT_URL_S3: engine.endpoint };

  test("redrives the objects under an S3 prefix, with payloads as text or object, and deletes delivered ones", () =>
    withShop(
      async ({ shop, redrive }) => {
        const event = (name: string, position: number) => ({ Records: [recordOf(name, position)] });
        const bucket = await newBucket({
          "aws/lambda/m/s/1": invocationRecord([recordOf("a", 1)], JSON.stringify(event("a", 1))),
          "aws/lambda/m/s/2": invocationRecord([recordOf("b", 2)], event("b", 2)),
          "aws/lambda/m/s/3": "something else",
          elsewhere: "not under the prefix",
        });
        const ended = await redrive(`s3://${bucket}/aws/lambda/`, "--from", "on-failure-destination");
        expect(ended).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/^3 received = 2 delivered \+ 1 unsupported\n.*: aws\/lambda\/m\/s\/3\n$/),
        });
        expect(shop.orders.items().size).toBe(2);
        expect(await keysIn(bucket)).toEqual(["aws/lambda/m/s/3", "elsewhere"]);
      },
      { env },
    ));

  test("sends only the pointer of an object that is too large for a request and whose payload is cut off", () =>
    withShop(
      async ({ shop, redrive, lambda }) => {
        const records = [recordOf("a", 1, { text: '"'.repeat(2_000_000) })];
        const payload = JSON.stringify({ Records: records }).slice(0, -10);
        const bucket = await newBucket({ "p/1": invocationRecord(records, payload) });
        await redrive(`s3://${bucket}/p/`, "--from", "on-failure-destination");
        expect(Math.max(...lambda.invocations.map(({ bytes }) => bytes))).toBeLessThan(10_000);
        expect(shop.orders.items().size).toBe(1);
        expect(await keysIn(bucket)).toEqual([]);
      },
      {
        env,
        source: "Orders",
        onFailureDestination: onFailureDestinationReader({ streams: streamOf([recordOf("a", 1)]) }),
      },
    ));

  test("splits an object that is too large for a request, and deletes it when all parts are delivered", () =>
    withShop(
      async ({ shop, redrive, lambda }) => {
        const records = Array.from({ length: 10 }, (_, index) =>
          recordOf(index === 9 ? bad : `item ${index}`, index + 1, { text: '"'.repeat(100_000) }),
        );
        const body = invocationRecord(records, JSON.stringify({ Records: records }));
        const bucket = await newBucket({
          "p/1": body,
          "p/2": invocationRecord([recordOf("late", 50)], { Records: [recordOf("late", 50)] }),
        });
        shop.feed.fail({ kind: "throttle" });
        const failed = await redrive(`s3://${bucket}/p`, "--from", "on-failure-destination");
        expect(failed.code).toBe(1);
        expect(await keysIn(bucket)).toEqual(["p/1", "p/2"]);
        shop.feed.endFault();
        const ended = await redrive(`s3://${bucket}/p/`, "--from", "on-failure-destination");
        expect(sumOf(ended)).toBe("2 received = 1 delivered + 1 rejected");
        expect(ended.stdout).toContain("rejected, MAPPING_FAILED, now a dead letter");
        expect(shop.orders.items().size).toBe(10);
        expect(Math.max(...lambda.invocations.map(({ bytes }) => bytes))).toBeLessThan(6_000_000);
        expect(await keysIn(bucket)).toEqual([]);
      },
      { env },
    ));
});
