import { describe, expect, test } from "@jest/globals";
import type { Finding, VerifyReport } from "@sluice/backfill";
import { type VerifyCommandOptions, verifyOptions } from "../src/verify/options.ts";
import { nextCommand, reportLines } from "../src/verify/report.ts";

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

describe("the next command", () => {
  const args = ["o.ts", "--table", "t", "--dead-letters", "https://q", "--region", "eu-west-1", "--routes", "a,b"];
  const options = verifyOptions([...args, "--endpoint-url", "http://127.0.0.1:1"], 0) as VerifyCommandOptions;
  const next = (counts: VerifyReport["tally"][string]["counts"], stopped?: string): string | undefined =>
    nextCommand(
      {
        ...{
          isEqual: false,
          isComplete: stopped === undefined,
          examples: [],
          limits: [],
          items: 1,
          copies: 1,
          readUnits: 1,
        },
        ...(stopped && { stopped }),
        tally: { orders: { counts, repairs: {}, unstable: {}, rejections: {} } },
      },
      options,
      args,
    );

  test("reaches the same region, engine and routes", () => {
    const aws = "--region eu-west-1 --endpoint-url http://127.0.0.1:1";
    expect(next({ missing: 1 }, "differs too much: 5")).toBe(`npx sluice backfill o.ts --table t --routes a,b ${aws}`);
    expect(next({ pending: 1 })).toBe(`npx sluice dead-letters list https://q ${aws}`);
    expect(next({ missing: 1 })).toBe(`npx sluice verify ${args.join(" ")} --repair`);
  });
});
