import { describe, expect, test } from "@jest/globals";
import { streamRecord } from "@sluice/testing";
import { type Change, decodeRecord, RecordError, type StreamRecord, type StreamViewType } from "../src/sink-kit.ts";

const before = { pk: "a", sk: "1", total: 1 };
const after = { pk: "a", sk: "1", total: 2 };
const sides = { insert: { after }, modify: { before, after }, remove: { before } };

const read = (change: Change, side: "after" | "before"): unknown => {
  try {
    return change[side];
  } catch (error) {
    return error instanceof RecordError ? error.code : error;
  }
};

const incomplete = "RECORD_INCOMPLETE";

describe("the images of each view type and kind of change", () => {
  test.each<[StreamViewType, "insert" | "modify" | "remove", unknown, unknown]>([
    ["NEW_AND_OLD_IMAGES", "insert", after, undefined],
    ["NEW_AND_OLD_IMAGES", "modify", after, before],
    ["NEW_AND_OLD_IMAGES", "remove", undefined, before],
    ["NEW_IMAGE", "insert", after, undefined],
    ["NEW_IMAGE", "modify", after, incomplete],
    ["NEW_IMAGE", "remove", undefined, incomplete],
    ["OLD_IMAGE", "insert", incomplete, undefined],
    ["OLD_IMAGE", "modify", incomplete, before],
    ["OLD_IMAGE", "remove", undefined, before],
    ["KEYS_ONLY", "insert", incomplete, undefined],
    ["KEYS_ONLY", "modify", incomplete, incomplete],
    ["KEYS_ONLY", "remove", undefined, incomplete],
  ])("%s, %s", (viewType, kind, expectedAfter, expectedBefore) => {
    const change = decodeRecord(streamRecord({ ...sides[kind], viewType }));
    expect(change.kind).toBe(kind);
    expect(change.viewType).toBe(viewType);
    expect(change.keys).toEqual({ pk: "a", sk: "1" });
    expect(read(change, "after")).toEqual(expectedAfter);
    expect(read(change, "before")).toEqual(expectedBefore);
  });

  test("a missing image that the view type promises is RECORD_MALFORMED, not RECORD_INCOMPLETE", () => {
    const { NewImage: _, ...dynamodb } = streamRecord({ before, after }).dynamodb ?? {};
    const change = decodeRecord({ ...streamRecord({ before, after }), dynamodb });
    expect(read(change, "after")).toBe("RECORD_MALFORMED");
    expect(read(change, "before")).toEqual(before);
  });

  test.each([[null], [5], [true], ["9".repeat(1_000)], [[]]])("an image that is %j is RECORD_MALFORMED", (image) => {
    const record = streamRecord({ before, after });
    const change = decodeRecord({
      ...record,
      dynamodb: { ...record.dynamodb, NewImage: image, OldImage: image },
    } as never);
    expect(read(change, "after")).toBe("RECORD_MALFORMED");
    expect(read(change, "before")).toBe("RECORD_MALFORMED");
  });

  test("the view type of a record that lacks it is inferred from its images", () => {
    const unstated = (record: StreamRecord): StreamRecord => {
      const { StreamViewType: _, ...dynamodb } = record.dynamodb ?? {};
      return { ...record, dynamodb };
    };
    const viewOf = (record: StreamRecord): string => decodeRecord(unstated(record)).viewType;
    expect(viewOf(streamRecord({ before, after }))).toBe("NEW_AND_OLD_IMAGES");
    expect(viewOf(streamRecord({ before, after, viewType: "NEW_IMAGE" }))).toBe("NEW_IMAGE");
    expect(viewOf(streamRecord({ before, after, viewType: "OLD_IMAGE" }))).toBe("OLD_IMAGE");
    expect(viewOf(streamRecord({ before, after, viewType: "KEYS_ONLY" }))).toBe("KEYS_ONLY");
  });
});

describe("a change", () => {
  const record = streamRecord({ after, position: 7, createdAt: "2026-01-02T03:04:05Z" });

  test("has the event id, version, time and record", () => {
    const change = decodeRecord(record, "redrive");
    expect(change.eventId).toBe(record.eventID);
    expect(change.sequenceNumber).toBe("700000000000078103991");
    expect(change.version).toBe("20260102030405678-0000000000000000000700000000000078103991");
    expect(change.approximateCreationTimeMs).toBe(1_767_323_045_000);
    expect(change.origin).toBe("redrive");
    expect(change.record).toBe(record);
  });

  test("decodes an image once", () => {
    const change = decodeRecord(record);
    expect(change.after).toBe(change.after);
  });

  test("calls the schema once for an image, even if the image does not match", () => {
    let asked = 0;
    const validate = () => {
      asked += 1;
      return { issues: [{ message: "no" }] };
    };
    const change = decodeRecord(record, "stream", { "~standard": { version: 1, vendor: "test", validate } });
    expect([read(change, "after"), read(change, "after")]).toEqual(["RECORD_MISMATCH", "RECORD_MISMATCH"]);
    expect(asked).toBe(1);
  });

  test("without an event id has its version as its id", () => {
    const { eventID: _, ...rest } = record;
    const change = decodeRecord(rest);
    expect(change.eventId).toBe(change.version);
  });

  test("distinguishes a removal by TTL from a removal by a user or another service", () => {
    const removal = streamRecord({ before });
    const byService = {
      ...removal,
      userIdentity: { type: "Service", principalId: "replication.dynamodb.amazonaws.com" },
    };
    expect(decodeRecord(streamRecord({ before, isTtlRemoval: true })).isTtlRemoval).toBe(true);
    expect(decodeRecord(removal).isTtlRemoval).toBe(false);
    expect(decodeRecord(byService).isTtlRemoval).toBe(false);
  });

  test("keeps every digit of a number in a key", () => {
    const keyed = { ...record, dynamodb: { ...record.dynamodb, Keys: { id: { N: "12345678901234567890123" } } } };
    expect(String(decodeRecord(keyed).keys.id)).toBe("12345678901234567890123");
  });
});

describe("a record is RECORD_MALFORMED", () => {
  const record = streamRecord({ after });
  const without = (member: string): StreamRecord => {
    const dynamodb = Object.fromEntries(Object.entries(record.dynamodb ?? {}).filter(([name]) => name !== member));
    return { ...record, dynamodb };
  };
  const { eventName: _, ...nameless } = record;
  const { eventSourceARN: __, ...sourceless } = record;
  const { dynamodb: ___, ...empty } = record;

  test("with a time that is not a number has no time", () => {
    const dynamodb = { ...record.dynamodb, ApproximateCreationDateTime: { valueOf: 1 } };
    expect(decodeRecord({ ...record, dynamodb } as never).approximateCreationTimeMs).toBe(0);
  });

  test.each<[string, unknown]>([
    ["without an event name", nameless],
    ["with an unknown event name", { ...record, eventName: "TRUNCATE" }],
    ["with an event name that is a member of Object", { ...record, eventName: "constructor" }],
    ["without dynamodb", empty],
    ["without keys", without("Keys")],
    ["with empty keys", { ...record, dynamodb: { ...record.dynamodb, Keys: {} } }],
    ["with keys that are a text", { ...record, dynamodb: { ...record.dynamodb, Keys: "pk" } }],
    ["with keys that are a list", { ...record, dynamodb: { ...record.dynamodb, Keys: [{ S: "a" }] } }],
    ["with keys that are null", { ...record, dynamodb: { ...record.dynamodb, Keys: null } }],
    ["with a key that is null", { ...record, dynamodb: { ...record.dynamodb, Keys: { pk: null } } }],
    ["without a sequence number", without("SequenceNumber")],
    ["with an empty sequence number", { ...record, dynamodb: { ...record.dynamodb, SequenceNumber: "" } }],
    ["with a sequence number that is a number", { ...record, dynamodb: { ...record.dynamodb, SequenceNumber: 1 } }],
    ["without a stream ARN", sourceless],
    ["with the ARN of a table", { ...record, eventSourceARN: "arn:aws:dynamodb:eu-west-1:1:table/T" }],
    ["with an event id that is an object", { ...record, eventID: { toString: 1 } }],
    ["with an empty event id", { ...record, eventID: "" }],
    ["with an unknown view type", { ...record, dynamodb: { ...record.dynamodb, StreamViewType: "BOTH" } }],
    ["that is null", null],
  ])("%s", (_name, wrong) => {
    expect(() => decodeRecord(wrong as StreamRecord)).toThrow(
      expect.objectContaining({ name: "RecordError", code: "RECORD_MALFORMED" }),
    );
  });
});
