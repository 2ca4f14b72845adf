import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@sluice/core/sink-kit";
import { loopCheck, type TargetTable } from "../src/schema/table.ts";

const arn = (region: string, account = "123456789012", partition = "aws") =>
  `arn:${partition}:dynamodb:${region}:${account}:table/orders`;
const stream = (table: string) => `${table}/stream/2026-01-02T03:04:05.678`;
const target: TargetTable = { arn: arn("eu-central-1"), keys: [{ name: "pk", type: "S" }], regions: ["us-east-1"] };

describe("the source of a stream", () => {
  test.each([
    ["the target itself", arn("eu-central-1")],
    ["a replica of the target", arn("us-east-1")],
  ])("is refused when it is %s", (_what, source) => {
    expect(() => loopCheck(target)(stream(source))).toThrow(ConfigError);
  });

  test.each([
    ["another region without a replica", arn("eu-west-1")],
    ["another account", arn("eu-central-1", "210987654321")],
    ["another partition", arn("eu-central-1", "123456789012", "aws-cn")],
    ["another table", `${arn("eu-central-1")}-2`],
  ])("may be a table in %s", (_what, source) => {
    expect(() => loopCheck(target)(stream(source))).not.toThrow();
  });

  test("may be unknown", () => {
    expect(() => loopCheck(target)(undefined)).not.toThrow();
  });

  test("is refused every time", () => {
    const check = loopCheck(target);
    expect(() => check(stream(target.arn))).toThrow(ConfigError);
    expect(() => check(stream(target.arn))).toThrow(ConfigError);
  });
});
