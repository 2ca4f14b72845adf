import { describe, expect, test } from "@jest/globals";
import type { Finding, VerifyReport } from "@sluice/backfill";
import { reportLines } from "../src/verify/report.ts";

const linesOf = (values: Finding["values"]): readonly string[] => {
  const members = Object.keys({ ...values?.expected, ...values?.held });
  const finding: Finding = { target: "orders", class: "different", keys: { id: { S: "o-1" } }, members, version: "1" };
  const tally = { orders: { counts: { different: 1 }, repairs: {}, unstable: {}, rejections: {} } };
  const examples = [{ ...finding, ...(values && { values }) }];
  const report: VerifyReport = {
    isEqual: false,
    isComplete: true,
    tally,
    examples,
    limits: [],
    items: 1,
    copies: 1,
    readUnits: 1,
  };
  return reportLines(report).slice(2);
};

const lines = (count: number, sku: (index: number) => string): string =>
  JSON.stringify(Array.from({ length: count }, (_, index) => ({ line_no: String(index), sku: sku(index) })));

describe("the values of a finding", () => {
  test("are in one line for each member", () => {
    expect(linesOf({ expected: { a: "1" }, held: { b: "2" } })).toEqual([
      "      a: expected 1; the target holds nothing",
      "      b: expected nothing; the target holds 2",
    ]);
  });

  test("of a nested list are the rows that differ, each in a line", () => {
    const expected = { order_lines: lines(100, (index) => `s${index}`) };
    const held = { order_lines: lines(99, (index) => (index === 70 ? "wrong" : `s${index}`)) };
    expect(linesOf({ expected, held })).toEqual([
      "      order_lines: 100 rows expected",
      '        expected {"line_no":"70","sku":"s70"}',
      '        expected {"line_no":"99","sku":"s99"}',
      '        the target holds {"line_no":"70","sku":"wrong"}',
    ]);
  });

  test("of a long list end with the number of the others", () => {
    const found = linesOf({ expected: { l: lines(20, () => "a") }, held: { l: lines(20, () => "b") } });
    expect(found.filter((line) => line.includes("other row"))).toEqual([
      "        expected 12 other rows",
      "        the target holds 12 other rows",
    ]);
    expect(found).toHaveLength(19);
  });

  test("are one line if a text only begins like a nested list", () => {
    expect(linesOf({ expected: { a: "[{x" }, held: { a: '[{"y":"1"}]' } })).toEqual([
      '      a: expected [{x; the target holds [{"y":"1"}]',
    ]);
  });
});
