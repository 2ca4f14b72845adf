import { describe, expect, test } from "@jest/globals";
import { streamRecord } from "@sluice/testing";
import { eventFilters, matching } from "../src/filters.ts";
import { pipeline, type UnknownItem } from "../src/index.ts";
import { scriptedSink } from "./scripted-sink.ts";

const block = { onReject: "block" } as const;
const isOrder = matching({ type: "order" });
const rows = () => scriptedSink({ writes: "upsert" });
const map = () => "message";

describe("matching", () => {
  test.each<[string, unknown, string]>([
    ["a number", { total: 5 }, 'matching: the condition of "total" is a number, which Lambda compares as a text'],
    ["a number in a list", { total: ["a", 5] }, 'matching: the condition of "total" is a list with a number'],
    ["null", { total: null }, 'matching: the condition of "total" is null'],
    ["an empty list", { total: [] }, 'matching: the condition of "total" is an empty list'],
    ["an empty prefix", { total: { prefix: "" } }, 'matching: the condition of "total" is a malformed object'],
    ["another operator", { total: { exists: true } }, 'matching: the condition of "total" is a malformed object'],
    ["no condition", {}, "matching: there is no condition; expected one or more"],
    ["a name with a dot", { "a.b": "x" }, 'matching: the attribute "a.b" has a dot or begins with $'],
    ["an operator as a name", { $or: "x" }, 'matching: the attribute "$or" has a dot or begins with $'],
  ])("refuses %s", (_name, conditions, message) => {
    expect(() => matching(conditions as never)).toThrow(message);
  });

  test("is a predicate of decoded items", () => {
    const filter = matching({ type: ["order", "offer"], open: true, pk: { prefix: "SHOP#" } });
    expect(filter({ type: "offer", open: true, pk: "SHOP#1" })).toBe(true);
    expect(filter({ type: "offer", open: "true", pk: "SHOP#1" })).toBe(false);
    expect(filter({ type: "offer", open: true, pk: "shop" })).toBe(false);
    expect(filter(undefined)).toBe(false);
    expect(filter(Object.create({ type: "offer", open: true, pk: "SHOP#1" }))).toBe(false);
  });
});

describe("eventFilters", () => {
  test("passes both images and removals, and equal filters once", () => {
    expect(eventFilters(isOrder, matching({ type: "order" }))).toEqual([
      { dynamodb: { NewImage: { type: { S: ["order"] } } } },
      { dynamodb: { OldImage: { type: { S: ["order"] } } } },
      { eventName: ["REMOVE"] },
    ]);
  });

  test("needs no more than Lambda's quota of five filters", () => {
    const many = ["a", "b", "c", "d"].map((type) => matching({ type }));
    expect(eventFilters(...(many as never[])).length).toBeLessThanOrEqual(5);
  });

  test("refuses an empty list, which would hide everything but removals, and patterns that Lambda refuses", () => {
    expect(() => eventFilters()).toThrow("eventFilters: there is no filter");
    expect(() => eventFilters(((item: object) => item !== undefined) as never)).toThrow("not created by matching()");
    const long = matching({ type: Array.from({ length: 400 }, (_, index) => `type-${index}`) });
    expect(() => eventFilters(long as never)).toThrow("expected at most 4096, Lambda's limit");
  });

  test("a function of one's own with a member pattern stays a predicate", async () => {
    const sink = rows();
    for (const pattern of [/^order$/, null, {}]) {
      const own = Object.assign((item: UnknownItem) => item.type === "order", { pattern });
      const built = pipeline("p", block).when(own).to(sink, map);
      const after = { pk: "a", sk: "1", type: "customer" };
      await built.handler()({ Records: [streamRecord({ after })] });
      expect(built.eventFilters).toThrow("it has no filter of matching()");
    }
    expect(sink.calls).toEqual([]);
  });

  test("of a pipeline refuses routes that act on items which match no filter", () => {
    const filtersOf = (options: object, predicate: (item: UnknownItem) => boolean = isOrder) =>
      pipeline("p", block)
        .when(predicate)
        .to(rows(), map, options as never).eventFilters;
    expect(filtersOf({})()).toHaveLength(3);
    expect(filtersOf({ removesUnmatched: true })).toThrow("for the route scripted: it has removesUnmatched");
    expect(filtersOf({ removes: { byTtl: "keep", otherwise: "delete" } })).toThrow("it has removes");
    expect(filtersOf({}, (item) => item.type === "order")).toThrow("it has no filter of matching()");
    expect(pipeline("p", block).to(rows(), map).eventFilters).toThrow("it has no filter of matching()");
    expect(pipeline("p", block).eventFilters).toThrow("the pipeline has no route");
  });
});

test("a stream without the image that the filter needs rejects the record", async () => {
  const sink = rows();
  const { handler } = pipeline("p", block).when(isOrder).to(sink, map);
  const record = streamRecord({ after: { pk: "a", sk: "1", type: "order" }, viewType: "KEYS_ONLY" });
  await expect(handler()({ Records: [record] })).resolves.toMatchObject({
    batchItemFailures: [{ itemIdentifier: record.dynamodb?.SequenceNumber }],
  });
  expect(sink.calls).toEqual([]);
});
