import { describe, expect, test } from "@jest/globals";
import { parseOptions, usage } from "../src/options.ts";

describe("the demo's options", () => {
  test.each([
    ["a file for the chart", ["--outage", "--svg", "x.svg"], { svg: "x.svg", writes: 1500 }],
    ["nothing", [], { sinks: ["postgres"], writes: 3000, outage: false }],
    ["an outage", ["--outage"], { sinks: ["postgres", "sqs", "dynamodb"], writes: 1500, outage: true }],
    ["a backfill", ["--backfill"], { sinks: ["postgres", "opensearch", "dynamodb"], backfill: true, items: 20_000 }],
    ["blanks and repeats", ["--sinks", "sqs, postgres,sqs"], { sinks: ["sqs", "postgres"], writes: 600 }],
    ["a number of writes", ["--sinks", "sns", "--writes", "7"], { feeds: ["sns"], replicas: [], writes: 7 }],
  ])("follow from %s", (_, args, expected) => {
    expect(parseOptions(args)).toMatchObject(expected);
  });

  test.each([
    ["an unknown sink", ["--sinks", "postgres,kafka"], '--sinks has "kafka"; expected postgres, opensearch,'],
    ["no sink", ["--sinks", ""], '--sinks has ""'],
    ["a chart without an outage", ["--svg", "x.svg"], "--svg is for the chart of an outage; expected --outage"],
    ["an outage without Postgres", ["--outage", "--sinks", "sns"], "expected postgres among --sinks"],
    ["a backfill without Postgres", ["--backfill", "--sinks", "dynamodb"], "expected postgres among --sinks"],
    [
      "a backfill of a queue",
      ["--backfill", "--sinks", "postgres,sqs"],
      "expected some of postgres,opensearch,dynamodb",
    ],
    ["a backfill with an outage", ["--backfill", "--outage"], "expected one of them"],
    ["too few items", ["--backfill", "--items", "9"], "--items expects a whole number of 100 or more"],
    ["no writes", ["--writes", "0"], "--writes expects a whole number above 0"],
    ["a seed that is not a number", ["--seed", "x"], "--seed expects a whole number"],
    ["an unknown option", ["--sink", "sns"], "Unknown option '--sink'"],
  ])("reject %s with a message", (_, args, expected) => {
    expect(parseOptions(args)).toContain(expected);
  });

  test("are all in the usage text, which fits a terminal", () => {
    for (const option of [
      "--sinks",
      "--outage",
      "--svg",
      "--backfill",
      "--items",
      "--keep",
      "--writes",
      "--seed",
      "-h, --help",
    ]) {
      expect(usage).toContain(`\n  ${option}`);
    }
    expect(Math.max(...usage.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
  });
});
