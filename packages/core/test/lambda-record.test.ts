import { expect, test } from "@jest/globals";
import { lambdaRecord, wireImage } from "../src/record/lambda-record.ts";

test("a record of the Streams API becomes a record of Lambda, with a lower-case identity and the stream ARN", () => {
  const dynamodb = {
    ApproximateCreationDateTime: 1_795_435_200,
    Keys: { pk: { B: "Zm9v" } },
    OldImage: { pk: { B: "Zm9v" }, total: { N: "12345678901234567890123456789012345678" } },
    SequenceNumber: "100000000000000000000000",
    SizeBytes: 42,
    StreamViewType: "NEW_AND_OLD_IMAGES",
  } as const;
  const record = lambdaRecord(
    {
      eventID: "1",
      eventName: "REMOVE",
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: "us-east-1",
      dynamodb,
      userIdentity: { Type: "Service", PrincipalId: "dynamodb.amazonaws.com" },
    },
    "arn:stream",
  );
  expect(record).toEqual({
    eventID: "1",
    eventName: "REMOVE",
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "us-east-1",
    dynamodb,
    eventSourceARN: "arn:stream",
    userIdentity: { type: "Service", principalId: "dynamodb.amazonaws.com" },
  });
});

test("a record without an identity stays without an identity", () => {
  expect(lambdaRecord({ eventID: "1" }, "arn:stream")).toEqual({ eventID: "1", eventSourceARN: "arn:stream" });
});

test("an item has its bytes as base64 text, at every depth", () => {
  const bytes = new Uint8Array([0, 255]);
  const image = {
    b: { B: bytes },
    set: { BS: [bytes, "AP8="] },
    list: { L: [{ S: "a" }, { B: bytes }] },
    map: { M: { deep: { M: { b: { B: bytes } } }, n: { N: "1" } } },
  };
  expect(wireImage(image)).toEqual({
    b: { B: "AP8=" },
    set: { BS: ["AP8=", "AP8="] },
    list: { L: [{ S: "a" }, { B: "AP8=" }] },
    map: { M: { deep: { M: { b: { B: "AP8=" } } }, n: { N: "1" } } },
  });
});

test("an item without bytes is not copied", () => {
  const image = {
    b: { B: "AP8=" },
    set: { BS: ["AP8="] },
    list: { L: [{ M: { s: { S: "" } } }] },
    none: { NULL: true },
  };
  expect(wireImage(image as Parameters<typeof wireImage>[0])).toBe(image);
});

test("an attribute that the SDK parsed as undefined has a value without a type", () => {
  const image = { id: { S: "a" }, lost: undefined, list: { L: [{ M: { lost: undefined } }] } } as never;
  expect(wireImage(image)).toEqual({ id: { S: "a" }, lost: {}, list: { L: [{ M: { lost: {} } }] } });
});
