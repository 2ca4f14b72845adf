// The arguments, the estimate, the speed and the report of `sluice backfill`.

import { describe, expect, test } from "@jest/globals";
import { noCounts } from "@sluice/backfill";
import { meter, runStep } from "../../src/backfill/meter.ts";
import { backfillOptions } from "../../src/backfill/options.ts";
import { causeLines, hintLines, newCauses, resumeCommand, sumLine, verifyCommand } from "../../src/backfill/report.ts";
import { estimateLines, exportEstimate, scanEstimate, scanRate } from "../../src/pipeline-command/estimate.ts";
import type { SourceTable } from "../../src/source-table/source-table.ts";
import { durationText } from "../../src/terminal/format.ts";

const now = Date.parse("2026-11-28T08:12:00Z");
const optionsOf = (...args: string[]) => backfillOptions(args, now);

describe("the arguments", () => {
  test("have defaults", () => {
    expect(optionsOf("orders.ts", "--table", "orders")).toMatchObject({
      module: "orders.ts",
      table: "orders",
      run: expect.stringMatching(/^20261128-081200-[0-9a-f]{4}$/),
      isNamedRun: false,
      place: { kind: "folder", folder: ".sluice/runs" },
      to: "here",
      yieldAboveMs: 60_000,
      concurrency: 4,
      skipped: [],
    });
  });

  test("are read", () => {
    const args = [
      "--routes",
      "a, b",
      "--state",
      "table:dedupe",
      "--yield-above",
      "5m",
      "--max-failures",
      "0",
      "--run",
      "r",
    ];
    expect(optionsOf("o.ts", "--table", "t", ...args, "--no-check", "live", "--no-check", "ahead")).toMatchObject({
      routes: ["a", "b"],
      place: { kind: "table", table: "dedupe" },
      yieldAboveMs: 300_000,
      maxFailures: 0,
      run: "r",
      isNamedRun: true,
      skipped: ["live", "ahead"],
    });
    expect(optionsOf("o.ts", "--export", "s3://b/k", "--state", "s3://b/p/")?.place).toEqual({
      kind: "objects",
      url: "s3://b/p",
    });
  });

  test.each([
    [["o.ts"], /no source is given; expected --table NAME or --export/],
    [["o.ts", "p.ts", "--table", "t"], /unexpected argument "p.ts"/],
    [["o.ts", "--table", "t", "--to", "lambda"], /--to lambda needs --function/],
    [["o.ts", "--table", "t", "--data-prefix", "p"], /--data-prefix needs --export/],
    [["o.ts", "--export", "s3://b/k", "--rcu", "5"], /--rcu is an option of a scan/],
    [["o.ts", "--table", "t", "--run", "../x"], /--run is "..\/x"; expected letters/],
    [["o.ts", "--table", "t", "--state", "s3:x"], /expected s3:\/\/bucket\/prefix/],
    [["o.ts", "--table", "t", "--routes", "a,"], /expected names of routes/],
    [["o.ts", "--table", "t", "--yield-above", "5"], /expected a span such as 90s/],
    [["o.ts", "--table", "t", "--no-check", "all"], /--no-check is "all"; expected stream or live or/],
    [["o.ts", "--table", "t", "--segments", "9007199254740991"], /expected a whole number above 0, and up to 1000000/],
    [["o.ts", "--table", "t", "--concurrency", "1001"], /expected a whole number above 0, and up to 1000$/],
    [["o.ts", "--table", "t", "--rcu", "100000001"], /--rcu is .* and up to 100000000$/],
    [
      ["o.ts", "--table", "t", "--items-per-second", "9007199254740991"],
      /--items-per-second is .* and up to 100000000$/,
    ],
    [["o.ts", "--table", "t", "--rcu", "0"], /--rcu is "0"; expected a whole number above 0/],
  ])("%j are wrong", (args, message) => {
    expect(() => optionsOf(...args)).toThrow(message);
  });
});

const table: SourceTable = {
  name: "orders",
  address: "orders",
  arn: "arn",
  streamArn: "arn",
  streamViewType: "NEW_IMAGE",
  keyNames: ["id"],
  keyTypes: { id: "S" },
  itemCount: 12_000_000,
  sizeBytes: 24_000_000_000,
  provisionedReadUnits: undefined,
};

describe("the estimate", () => {
  test("of a scan on demand: half a unit for 4 KB, by the price of docs/costs.md", () => {
    const rates = { readUnitsPerSecond: 500, itemsPerSecond: undefined };
    expect(estimateLines(scanEstimate(table, rates), rates)).toEqual([
      "about 12,000,000 items, 24.0 GB",
      "about 2,929,688 read capacity units, $0.37 at $0.125 for a million units on demand in us-east-1, read on 2026-11-25; the cost of the targets is not included",
      "at least 1 h 37 min, at 500 units per second; a slow target takes longer",
    ]);
  });

  test("of a small scan costs less than a cent; the slower limit decides", () => {
    const small = { ...table, itemCount: 20_000, sizeBytes: 4_400_000 };
    const rates = { readUnitsPerSecond: 500, itemsPerSecond: 100 };
    const lines = estimateLines(scanEstimate(small, rates), rates).join("\n");
    expect(lines).toContain("less than $0.01 at");
    expect(lines).toContain("at least 3 min 20 s");
  });

  test("of provisioned capacity has no price", () => {
    const rates = { readUnitsPerSecond: 20, itemsPerSecond: undefined };
    const lines = estimateLines(scanEstimate({ ...table, provisionedReadUnits: 100 }, rates), rates);
    expect(lines[1]).toContain("of the table's provisioned capacity");
  });

  test("of an export", () => {
    const summary = { type: "full", items: 8, billedBytes: 1_000, exportTimeMs: 0 } as never;
    const rates = { readUnitsPerSecond: undefined, itemsPerSecond: undefined };
    expect(estimateLines(exportEstimate(summary, rates), rates)).toEqual([
      "about 8 items, 0.0 MB",
      "no read capacity; S3 takes less than a cent for a thousand files; the cost of the targets is not included",
      "the time depends on the targets",
    ]);
  });

  test.each([
    [undefined, undefined, 500],
    [undefined, 100, 20],
    [undefined, 2, 1],
    [7, 100, 7],
  ])("the rate %s of %s provisioned units is %s", (asked, provisionedReadUnits, rate) => {
    expect(scanRate(asked, { ...table, provisionedReadUnits })).toBe(rate);
  });
});

test.each([
  [0, "0 s"],
  [45_400, "45 s"],
  [60_000, "1 min"],
  [5_880_000, "1 h 38 min"],
  [90_000_000, "1 d 1 h"],
])("%s ms are %s", (ms, text) => expect(durationText(ms)).toBe(text));

describe("the speed", () => {
  test("is that of the last half minute", () => {
    let time = 0;
    const run = meter(noCounts, 10_000, () => time);
    for (let second = 1; second <= 60; second += 1) {
      time = second * 1_000;
      run.add({
        ...noCounts,
        records: second <= 20 ? second * 10 : 200 + (second - 20) * 100,
        readUnits: second,
        superseded: 2,
        rejected: 3,
        retried: 4,
      });
    }
    const { itemsPerSecond, readUnitsPerSecond, leftMs } = run.speed();
    expect({ items: Math.round(itemsPerSecond), units: Math.round(readUnitsPerSecond) }).toEqual({
      items: 100,
      units: 1,
    });
    expect(Math.round((leftMs ?? 0) / 1_000)).toBe(58);
    expect(runStep(run, { total: 10_000, lag: { ms: 75_000, isWaiting: true } })).toEqual({
      doing: "copying",
      done: 4_200,
      total: 10_000,
      isAbout: true,
      note: "100 items/s, 1 RCU/s, 2 superseded, 3 rejected, 4 failed, lag 1 min 15 s: waiting, about 58 s left",
    });
  });

  test("is unknown before the first page", () => {
    const run = meter(noCounts, 100, () => 0);
    expect(runStep(run, { total: 100, lag: { ms: undefined, isWaiting: false } }).note).toBe("lag unknown");
  });
});

describe("the report", () => {
  test("adds up", () => {
    const counts = { ...noCounts, records: 20_000, delivered: 19_980, superseded: 10, rejected: 10 };
    expect(sumLine(counts, false)).toBe("20,000 items = 19,980 delivered + 10 superseded + 10 rejected");
    expect(sumLine({ ...noCounts, records: 1, filtered: 1 }, true)).toBe("1 item = 1 would be filtered");
    expect(hintLines({ ...noCounts, records: 2, filtered: 2 })[0]).toContain("every item is filtered");
    expect(hintLines(noCounts)).toEqual([]);
  });

  test("groups the failures, the most frequent first", () => {
    const causes = newCauses();
    const failure = { keys: {}, kind: "rejected", code: "A", route: "r", message: "m" } as const;
    causes.add([{ ...failure, code: "B", kind: "retried" }, failure, failure]);
    expect(causeLines(causes.all())).toEqual(["  2 rejected, A at route r: such as m", "  1 retried, B at route r: m"]);
  });

  test("names commands that a shell takes", () => {
    expect(resumeCommand(["orders.ts", "--table", "my orders"], "r-1", false)).toBe(
      "npx sluice backfill orders.ts --table 'my orders' --run r-1",
    );
    expect(resumeCommand(["o.ts", "--run", "r-1"], "r-1", true)).toBe("npx sluice backfill o.ts --run r-1");
    expect(
      verifyCommand(["o.ts", "--table=t", "--rcu", "5", "--region", "eu-west-1", "--profile=p"], "o.ts", "t"),
    ).toBe("npx sluice verify o.ts --table t --rcu 5 --region eu-west-1 --profile=p");
    // The routes that were filled are those to verify.
    expect(verifyCommand(["o.ts", "--table", "t", "--routes", "a,b", "--function", "f", "--yes"], "o.ts", "t")).toBe(
      "npx sluice verify o.ts --table t --routes a,b --function f",
    );
  });
});
