import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { reconnectDelayMs } from "../src/page/backoff.ts";
import { agoText, countText, durationText, keyText, rateText, shortCount } from "../src/page/format.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe("numbers", () => {
  test("have groups of three digits, or little room", () => {
    expect(countText(1_234_567)).toBe("1,234,567");
    expect([0, 9_999, 10_000, 12_345, 999_499, 1_000_000, 123_456_789].map(shortCount)).toEqual([
      "0",
      "9,999",
      "10k",
      "12.3k",
      "999k",
      "1M",
      "123M",
    ]);
  });

  test("a rate that is not 0 does not look like 0", () => {
    expect([0, 0.01, 0.1, 2.25, 9.99, 1_234].map(rateText)).toEqual([
      "0/s",
      "<0.1/s",
      "0.1/s",
      "2.3/s",
      "10/s",
      "1,234/s",
    ]);
  });
});

describe("times", () => {
  test.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [999.6, "1.0 s"],
    [1500, "1.5 s"],
    [9_960, "10 s"],
    [59_600, "1 min"],
    [5 * minute + 3 * second, "5 min 3 s"],
    [hour - 400, "1 h"],
    [2 * hour + 5 * minute, "2 h 5 min"],
    [day - 20 * second, "1 d"],
    [3 * day + 4 * hour, "3 d 4 h"],
  ])("%d ms last %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  test("no duration has a part as large as the next unit", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 30 * day, noNaN: true }), (ms) => {
        const text = durationText(ms);
        expect(text).not.toMatch(/\b1000 ms|\b60(\.0)? s|\b60 min|\b24 h/u);
      }),
    );
  });

  test("an age is never in the future", () => {
    expect([-5_000, 0, 4_200, 3 * minute, 2 * hour, 5 * day].map(agoText)).toEqual([
      "now",
      "now",
      "4 s ago",
      "3 min ago",
      "2 h ago",
      "5 d ago",
    ]);
  });
});

describe("keys", () => {
  test("are the values of their attributes, with numbers and binaries as they are", () => {
    expect(keyText({ pk: { S: "tenant-1" }, sk: { N: "12345678901234567890.5" } })).toBe(
      "tenant-1, 12345678901234567890.5",
    );
    expect(keyText({ id: { B: "AQID" } })).toBe("AQID");
  });
});

describe("the wait before the next connection", () => {
  test("doubles up to 8 seconds; half of it is random", () => {
    expect([1, 2, 3, 4, 5, 50].map((failures) => reconnectDelayMs(failures, () => 1))).toEqual([
      500, 1000, 2000, 4000, 8000, 8000,
    ]);
    expect(reconnectDelayMs(3, () => 0)).toBe(1000);
  });
});
