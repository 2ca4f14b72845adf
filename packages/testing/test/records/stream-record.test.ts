import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { describe, expect, test } from "@jest/globals";
import { decodeRecord } from "@sluice/core/sink-kit";
import { lambdaContext, sqsEvent, streamChange, streamEvent, streamRecord, toImage } from "@sluice/testing";
import type { Context, DynamoDBStreamEvent, SQSEvent } from "aws-lambda";

const before = { pk: "o-1", sk: "1", total: 5 };
const after = { pk: "o-1", sk: "1", total: 6 };

describe("streamRecord", () => {
  test("has every member of a record in a Lambda event", () => {
    expect(streamRecord({ before, after, createdAt: "2026-01-02T03:04:05.678Z" })).toEqual({
      eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
      eventName: "MODIFY",
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: "us-east-1",
      dynamodb: {
        ApproximateCreationDateTime: 1_767_323_045,
        Keys: { pk: { S: "o-1" }, sk: { S: "1" } },
        NewImage: { pk: { S: "o-1" }, sk: { S: "1" }, total: { N: "6" } },
        OldImage: { pk: { S: "o-1" }, sk: { S: "1" }, total: { N: "5" } },
        SequenceNumber: "100000000000078103991",
        SizeBytes: expect.any(Number),
        StreamViewType: "NEW_AND_OLD_IMAGES",
      },
      eventSourceARN: "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678",
    });
  });

  test.each([
    ["KEYS_ONLY", false, false],
    ["NEW_IMAGE", true, false],
    ["OLD_IMAGE", false, true],
    ["NEW_AND_OLD_IMAGES", true, true],
  ] as const)("under %s carries the images of that view type", (viewType, hasNew, hasOld) => {
    const { dynamodb } = streamRecord({ before, after, viewType });
    expect([dynamodb?.NewImage !== undefined, dynamodb?.OldImage !== undefined]).toEqual([hasNew, hasOld]);
    expect(dynamodb?.Keys).toEqual({ pk: { S: "o-1" }, sk: { S: "1" } });
  });

  test("is by default from the last hours, so that a pipeline does not refuse to redrive it", () => {
    const [first, tenth] = [1, 10].map((position) => streamChange({ after, position }).approximateCreationTimeMs);
    expect(Number(tenth) - Number(first)).toBe(1_000);
    expect(Date.now() - Number(first)).toBeGreaterThan(0);
    expect(Date.now() - Number(first)).toBeLessThan(86_400_000);
  });

  test("is an INSERT without `before`, and a REMOVE without `after`", () => {
    expect(streamRecord({ after }).eventName).toBe("INSERT");
    expect(streamRecord({ before }).eventName).toBe("REMOVE");
  });

  test("names the TTL service when the service removed the item", () => {
    expect(streamChange({ before, isTtlRemoval: true }).isTtlRemoval).toBe(true);
    expect(streamChange({ before }).isTtlRemoval).toBe(false);
  });

  test("has sequence numbers of 21 or more digits, whose order is correct as versions but not as text", () => {
    const [ninth, tenth] = [9, 10].map((position) => streamRecord({ after, position }));
    const numbers = [ninth, tenth].map((record) => record?.dynamodb?.SequenceNumber ?? "");
    expect(numbers.map(({ length }) => length)).toEqual([21, 22]);
    expect(numbers.toSorted()).toEqual([numbers[1], numbers[0]]);
    expect(streamChange({ after, position: 9 }).version < streamChange({ after, position: 10 }).version).toBe(true);
  });

  test("has an event id that is unique for each position in a stream", () => {
    expect(streamRecord({ after }).eventID).toBe(streamRecord({ after }).eventID);
    expect(streamRecord({ after }).eventID).not.toBe(streamRecord({ after, position: 2 }).eventID);
    expect(streamRecord({ after }).eventID).not.toBe(
      streamRecord({ after, streamLabel: "2026-02-01T00:00:00.000" }).eventID,
    );
  });

  test("uses the given key names", () => {
    const record = streamRecord({ keyNames: ["orderId"], after: { orderId: 7, total: 1 } });
    expect(record.dynamodb?.Keys).toEqual({ orderId: { N: "7" } });
  });

  test.each([
    ["no item", {}, "before, after"],
    ["an item without keys", { after: { total: 1 } }, "keyNames"],
    ["a position before the first", { after, position: 0 }, "position"],
  ])("rejects %s", (_what, options, option) => {
    expect(() => streamRecord(options)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => streamRecord(options)).toThrow(option);
  });

  test("fits the event type of aws-lambda", () => {
    const event: DynamoDBStreamEvent = JSON.parse(JSON.stringify(streamEvent([streamRecord({ after })])));
    expect(event.Records).toHaveLength(1);
  });
});

describe("toImage", () => {
  test("encodes each type as in a Lambda event", () => {
    const image = toImage({
      text: "",
      number: 1.5,
      big: 2n ** 70n,
      exact: new NumberValueImpl("12345678901234567890123456789012345678"),
      binary: new Uint8Array([102, 111, 111]),
      strings: new Set(["b"]),
      numbers: new Set([1]),
      binaries: new Set([new Uint8Array([102, 111, 111])]),
      list: [null, true, { deep: new Uint8Array([255]) }],
      missing: undefined,
    });
    expect(image).toEqual({
      text: { S: "" },
      number: { N: "1.5" },
      big: { N: "1180591620717411303424" },
      exact: { N: "12345678901234567890123456789012345678" },
      binary: { B: "Zm9v" },
      strings: { SS: ["b"] },
      numbers: { NS: ["1"] },
      binaries: { BS: ["Zm9v"] },
      list: { L: [{ NULL: true }, { BOOL: true }, { M: { deep: { B: "/w==" } } }] },
    });
  });

  test("is decoded to the same item by core", () => {
    const item = { pk: "k", bytes: new Uint8Array([1, 2]), tags: new Set(["a"]), map: { n: null } };
    expect(decodeRecord(streamRecord({ after: item })).after).toEqual(item);
  });

  test("rejects a number that a double has rounded", () => {
    expect(() => toImage({ n: 2 ** 53 + 2 })).toThrow();
  });
});

describe("lambdaContext", () => {
  test("returns the remaining time of the test's clock", () => {
    let left = 5_000;
    const context: Context = lambdaContext({ remainingMs: () => left });
    expect(context.getRemainingTimeInMillis()).toBe(5_000);
    left = 10;
    expect(context.getRemainingTimeInMillis()).toBe(10);
    expect(lambdaContext().getRemainingTimeInMillis()).toBe(60_000);
  });
});

describe("sqsEvent", () => {
  test("has bodies, ids and attributes as in a Lambda event", () => {
    const options = { queueName: "dead", receiveCount: 3, attributes: { sink: "postgres" } };
    const event: SQSEvent = JSON.parse(JSON.stringify(sqsEvent(["text", { v: 1 }], options)));
    expect(event.Records.map(({ body }) => body)).toEqual(["text", '{"v":1}']);
    expect(event.Records[1]).toMatchObject({
      messageId: "00000000-0000-4000-8000-000000000002",
      attributes: { ApproximateReceiveCount: "3" },
      messageAttributes: { sink: { stringValue: "postgres", dataType: "String" } },
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:us-east-1:123456789012:dead",
    });
  });
});
