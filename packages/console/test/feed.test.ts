import { expect, test } from "@jest/globals";
import type { ChangeRow } from "../src/index.ts";
import { createFeed } from "../src/index.ts";

const row: Omit<ChangeRow, "seq"> = {
  at: 1,
  pipeline: "orders",
  route: "rows",
  origin: "stream",
  eventId: "e-1",
  keys: { id: { S: "o-1" } },
  kind: "insert",
  version: "v",
  outcome: "delivered",
  attempts: 1,
};

test("holds only the members of a row, so that a record with an item's values is not held", () => {
  const feed = createFeed();
  const withRecord = { ...row, record: { NewImage: { secret: { S: "value" } } } };
  feed.add([withRecord]);
  const [held] = feed.page({}, undefined, 1).rows;
  expect(held).toEqual({ ...row, seq: 1 });
});

test("keeps the optional members of a row", () => {
  const feed = createFeed();
  const full = { ...row, code: "SINK_TIMEOUT", isQueued: true as const, ageMs: 12 };
  feed.add([full]);
  expect(feed.page({}, undefined, 1).rows).toEqual([{ ...full, seq: 1 }]);
});

test("names the same item whatever the order of its key attributes", () => {
  const feed = createFeed();
  feed.add([{ ...row, keys: { id: { S: "o-1" }, at: { N: "1" } } }]);
  expect(feed.ofItem("orders", { at: { N: "1" }, id: { S: "o-1" } })).toHaveLength(1);
  expect(feed.ofItem("users", { at: { N: "1" }, id: { S: "o-1" } })).toHaveLength(0);
  expect(feed.ofItem("orders", { at: { N: "2" }, id: { S: "o-1" } })).toHaveLength(0);
});

test("a row whose key is malformed belongs to no item", () => {
  const feed = createFeed();
  feed.add([
    { ...row, keys: { id: { BOOL: true } } },
    { ...row, keys: undefined },
  ]);
  expect(feed.ofItem("orders", { id: { S: "o-1" } })).toEqual([]);
  expect(feed.ofItem("orders", { id: { BOOL: true } })).toEqual([]);
});

test("finds binary keys by their base64, in whichever form they come", () => {
  const feed = createFeed();
  feed.add([
    { ...row, keys: { id: { B: new Uint8Array([1, 2, 3]) } } },
    { ...row, keys: { id: { B: "AQID" } } },
  ]);
  expect(feed.page({ key: "AQID" }, undefined, 10).rows).toHaveLength(2);
});

test("tells no listener that has left", () => {
  const feed = createFeed();
  const heard: number[] = [];
  const leave = feed.onRows((rows) => heard.push(rows.length));
  feed.add([row, row]);
  feed.add([]);
  leave();
  feed.add([row]);
  expect(heard).toEqual([2]);
});

test("reports age and number of pending items together", () => {
  const feed = createFeed();
  const measure = { pipeline: "orders", route: "rows", at: 1, lagMs: undefined };
  feed.measure([{ ...measure, pending: 2, pendingAgeMs: 500 }]);
  feed.measure([{ ...measure, pending: undefined, pendingAgeMs: undefined }]);
  expect(feed.routes([measure])).toMatchObject([{ pending: 2, pendingAgeMs: 500 }]);
  feed.measure([{ ...measure, pending: 0, pendingAgeMs: undefined }]);
  expect(feed.routes([measure])).toMatchObject([{ pending: 0, pendingAgeMs: undefined }]);
});

test.each([0, 1.5, -1, 2_000_000])("refuses a capacity of %p", (capacity) => {
  expect(() => createFeed({ capacity })).toThrow('option "capacity" must be a whole number from 1 to 1000000');
});

test("the 95th percentile of twenty lags is the nineteenth", () => {
  let now = 0;
  const feed = createFeed({ clock: { now: () => now } });
  const measure = { pipeline: "orders", route: "rows", at: 0, pending: undefined, pendingAgeMs: undefined };
  for (let lagMs = 1; lagMs <= 20; lagMs += 1) {
    feed.measure([{ ...measure, lagMs }]);
    now += 1_000;
  }
  expect(feed.routes([measure])).toMatchObject([{ lagMs: 20, lagP95Ms: 19 }]);
});
