import { describe, expect, test } from "@jest/globals";
import { type RecordOptions, streamRecord } from "@sluice/testing";
import { cloudEvent } from "../src/index.ts";
import { type CloudEvent, type CloudEventOptions, decodeRecord } from "../src/sink-kit.ts";

const source = "/shop/orders";
const map = cloudEvent({ source, type: ({ kind }) => `com.shop.order.${kind}` });
const eventOf = (options: RecordOptions): CloudEvent => map(decodeRecord(streamRecord(options)));

const before = { pk: "o-1", sk: "1", status: "placed", total: 5, tags: new Set(["b", "a"]), lines: [{ sku: 1 }] };
const after = { ...before, tags: new Set(["a", "b"]), status: "paid", note: "thanks" };

describe("a CloudEvent", () => {
  test("has the changed attributes and both images", () => {
    const event = eventOf({ before, after: { ...after, total: undefined } as never });
    expect(event).toMatchObject({
      specversion: "1.0",
      source,
      type: "com.shop.order.modify",
      datacontenttype: "application/json",
      data: { kind: "modify", keys: { pk: "o-1", sk: "1" } },
    });
    expect(event.data.before?.status).toBe("placed");
    expect(event.data.after?.status).toBe("paid");
    expect(event.data.changed).toEqual(["note", "status", "total"]);
  });

  test("of an insert has no old image, and of a remove no new image", () => {
    expect(Object.keys(eventOf({ after }).data)).toEqual(["kind", "keys", "after"]);
    expect(Object.keys(eventOf({ before }).data)).toEqual(["kind", "keys", "before"]);
  });

  test.each([
    ["NEW_IMAGE", ["kind", "keys", "after"]],
    ["OLD_IMAGE", ["kind", "keys", "before"]],
    ["KEYS_ONLY", ["kind", "keys"]],
  ] as const)("has the images of the view type %s", (viewType, members) => {
    expect(Object.keys(eventOf({ before, after, viewType }).data)).toEqual(members);
  });

  test("is the same on every repeat, differs between changes, and has a sequence in the order of the changes", () => {
    const [first, again, next] = [1, 1, 2].map((position) => eventOf({ after, position }));
    expect(again).toEqual(first);
    expect(next?.id).not.toBe(first?.id);
    expect(String(next?.sequence) > String(first?.sequence)).toBe(true);
  });

  test("is the same after JSON.stringify and JSON.parse, whatever the item contains", () => {
    const record = streamRecord({ after });
    const digits = "12345678901234567890123456789012345678";
    const NewImage = {
      ...record.dynamodb?.NewImage,
      exact: { N: digits },
      set: { NS: [digits, "1"] },
      bytes: { B: "AQID" },
      nothing: { NULL: true as const },
    };
    const event = map(decodeRecord({ ...record, dynamodb: { ...record.dynamodb, NewImage } }));
    expect(JSON.parse(JSON.stringify(event))).toEqual(event);
    expect(event.data.after).toMatchObject({ exact: digits, set: [digits, 1], bytes: "AQID", nothing: null });
  });

  test("has a subject that identifies the key", () => {
    const subject = (pk: string, sk: string): string => eventOf({ after: { pk, sk } }).subject;
    expect(subject("o 1", "line/2")).toBe("o%201/line%2F2");
    expect(subject("a/b", "c")).not.toBe(subject("a", "b/c"));
  });

  test("has the record's time, if the record has a time", () => {
    const record = streamRecord({ after });
    const at = 1_767_323_045;
    const timed = { ...record, dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: at } };
    expect(map(decodeRecord(timed)).time).toBe("2026-01-02T03:04:05.000Z");
    const { ApproximateCreationDateTime: _, ...dynamodb } = record.dynamodb ?? {};
    expect(map(decodeRecord({ ...record, dynamodb }))).not.toHaveProperty("time");
  });

  test("accepts one type for all changes", () => {
    const change = decodeRecord(streamRecord({ after }));
    expect(cloudEvent({ source, type: "com.shop.order" })(change).type).toBe("com.shop.order");
  });

  test.each(["", undefined])("is rejected if its type function returns %j", (type) => {
    const change = decodeRecord(streamRecord({ after }));
    const make = (): unknown => cloudEvent({ source, type: () => type as string })(change);
    expect(make).toThrow(expect.objectContaining({ code: "MAPPING_FAILED" }));
  });

  test.each([
    ["source", {}],
    ["source", { source: "", type: "t" }],
    ["type", { source }],
    ["type", { source, type: "" }],
  ])("cannot be configured without a valid %s", (option, options) => {
    const make = (): unknown => cloudEvent(options as CloudEventOptions<unknown>);
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(make).toThrow(option);
  });
});
