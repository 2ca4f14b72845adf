import { describe, expect, test } from "@jest/globals";
import { decodeRecord } from "@sluice/core/sink-kit";
import { tableHistory } from "@sluice/testing";

const keys = { pk: "o-1", sk: "1" };

describe("tableHistory", () => {
  test("returns the stream record of each put and removal", () => {
    const table = tableHistory();
    const records = [table.put({ ...keys, total: 1 }), table.put({ ...keys, total: 2 }), table.remove(keys)];
    expect(records.map(({ eventName }) => eventName)).toEqual(["INSERT", "MODIFY", "REMOVE"]);
    expect(records.map(({ dynamodb }) => [dynamodb?.OldImage?.total, dynamodb?.NewImage?.total])).toEqual([
      [undefined, { N: "1" }],
      [{ N: "1" }, { N: "2" }],
      [{ N: "2" }, undefined],
    ]);
    expect(table.records()).toEqual(records);
    expect(table.items()).toEqual([]);
  });

  test("increases the version with every change, also across streams", () => {
    const table = tableHistory();
    for (let total = 0; total < 12; total += 1) table.put({ ...keys, total });
    table.recreateStream("2026-05-01T00:00:00.000");
    table.put({ ...keys, total: 99 });
    const versions = table.records().map((record) => decodeRecord(record).version);
    expect(versions.toSorted()).toEqual(versions);
    expect(new Set(versions).size).toBe(13);
  });

  test("marks a TTL removal", () => {
    const table = tableHistory();
    table.put(keys);
    expect(decodeRecord(table.expire(keys)).isTtlRemoval).toBe(true);
  });

  test("rejects a write for which DynamoDB creates no stream record", () => {
    const table = tableHistory();
    table.put({ ...keys, total: 1 });
    expect(() => table.put({ ...keys, total: 1 })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => table.remove({ pk: "o-2", sk: "1" })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});
