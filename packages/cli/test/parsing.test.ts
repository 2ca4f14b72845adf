import { describe, expect, test } from "@jest/globals";
import { awsFailure } from "../src/aws/aws-failure.ts";
import { regionIn } from "../src/aws/region.ts";
import { type OptionSpecs, parseArguments, wholeNumber } from "../src/command-line/arguments.ts";
import { CommandError } from "../src/command-line/command-error.ts";
import { keyMatch } from "../src/filter/item-key.ts";
import { sinceTime } from "../src/filter/since.ts";
import { queueUrlIn, sourceAddressIn } from "../src/message-source/source-address.ts";
import { redriveOptions } from "../src/redrive/options.ts";

const now = Date.parse("2026-03-01T12:00:00Z");

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    return (error as Error).message;
  }
  return "none";
};

describe("--since", () => {
  test.each([
    ["90s", "2026-03-01T11:58:30Z"],
    ["1.5h", "2026-03-01T10:30:00Z"],
    ["3d", "2026-02-26T12:00:00Z"],
    ["2w", "2026-02-15T12:00:00Z"],
    ["2026-01-02", "2026-01-02T00:00:00Z"],
    ["2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"],
  ])("%s is %s", (text, time) => expect(sinceTime(text, now)).toBe(Date.parse(time)));

  test.each(["", "yesterday", "2", "2x", "-2h", "3", "2026-13-01", "12/24/2026"])("refuses %j", (text) =>
    expect(refusal(() => sinceTime(text, now))).toMatch(/^--since is ".*"; expected an ISO time .* or a span/),
  );
});

describe("--key", () => {
  const keys = { pk: { S: "a" }, sk: { N: "12" } };
  test.each([
    ['{"pk":"a","sk":12}', true],
    ['{"sk":12,"pk":"a"}', true],
    ['{"pk":{"S":"a"},"sk":{"N":"12"}}', true],
    ['{"pk":"a"}', true],
    ['{"pk":"a","sk":"12"}', false],
    ['{"pk":"b","sk":12}', false],
    ['{"other":"a"}', false],
  ])("%s matches as it should", (text, expected) => expect(keyMatch(text)(keys)).toBe(expected));

  test("compares every digit and byte", () => {
    const digits = "12345678901234567890123456789012345678";
    expect(keyMatch(`{"n":{"N":"${digits}"}}`)({ n: { N: digits } })).toBe(true);
    expect(keyMatch('{"b":{"B":"AQI="}}')({ b: { B: "AQI=" } })).toBe(true);
    expect(keyMatch('{"pk":"a"}')(undefined)).toBe(false);
  });

  test.each([
    "",
    "a",
    "[]",
    "{}",
    "5",
    "null",
    '{"pk":null}',
    '{"pk":true}',
    '{"pk":{"SS":["a"]}}',
    '{"pk":{"S":"a","N":"1"}}',
  ])("refuses %s", (text) =>
    expect(refusal(() => keyMatch(text))).toMatch(/^--key .*; expected JSON of the item's key attributes/),
  );

  test.each(["12345678901234567890", "1e21", "1e-7"])("refuses the number %s, which JSON may round", (number) =>
    expect(refusal(() => keyMatch(`{"pk":${number}}`))).toMatch(/^--key has a number at pk that JSON may round/),
  );
});

describe("arguments", () => {
  const specs = {
    name: { type: "string", value: "NAME", help: "" },
    list: { type: "string", multiple: true, value: "NAME", help: "" },
    yes: { type: "boolean", short: "y", help: "" },
  } as const satisfies OptionSpecs;

  test.each([
    [["--nme", "x"], "unknown option --nme; expected one of sluice x: --name, --list, --yes"],
    [["-z"], "unknown option -z; expected one of sluice x: --name, --list, --yes"],
    [["--name"], "--name needs a value"],
    [["--name", "--yes"], "--name needs a value"],
    [["--yes=no"], "Option '-y, --yes' does not take an argument"],
    [["--name", ""], "--name is empty; expected NAME"],
    [["--list", "a", "--list="], "--list is empty; expected NAME"],
  ])("%j: %s", (args, message) => expect(refusal(() => parseArguments("sluice x", specs, args))).toBe(message));

  test.each(["0", "-1", "1.5", "ten", "", "1e3"])("%j is refused if a whole number above 0 is expected", (text) =>
    expect(refusal(() => wholeNumber("rate", text))).toBe(`--rate is "${text}"; expected a whole number above 0`),
  );

  test.each([
    [["--function", "f"], { to: "lambda", functionName: "f" }],
    [["--handler", "h.js#x"], { to: "local", handler: "h.js#x" }],
    [["--to", "local", "--handler", "h.js"], { to: "local", handler: "h.js" }],
  ])("%j say where the handler runs", (args, handler) =>
    expect(redriveOptions(["https://q/1/a", ...args], now)?.handler).toEqual(handler),
  );

  test.each([
    [[], "expected either --to lambda --function NAME or --to local --handler FILE"],
    [["--function", "f", "--handler", "h"], "expected either"],
    [["--to", "lambda", "--handler", "h"], "expected either"],
    [["--to", "cloud", "--function", "f"], '--to is "cloud"; expected lambda or local'],
    [["--function", "f", "--from", "queue"], '--from is "queue"; expected dead-letters or on-failure-destination'],
    [["--function", "f", "--from", "on-failure-destination", "--sink", "s"], "--sink applies to dead letters"],
    [["another", "--function", "f"], 'unexpected argument "another"'],
    [["--function", "f", "--region", "eu west"], '--region is "eu west"; expected a region such as eu-central-1'],
    [["--function", "f", "--endpoint-url", "localhost"], '--endpoint-url is "localhost"; expected a URL'],
    [["--function", "f", "--endpoint-url", "localhost:4566"], '--endpoint-url is "localhost:4566"; expected a URL'],
    [["--function", "f", "--code", "A_B", "--code", "sink_rejected"], '--code is "sink_rejected"; expected a code'],
  ])("%j are refused", (args, message) =>
    expect(refusal(() => redriveOptions(["https://q/1/a", ...args], now))).toContain(message),
  );
});

describe("source addresses", () => {
  test("are queues, objects and files", () => {
    expect(sourceAddressIn("https://sqs.us-east-1.amazonaws.com/1/q")).toEqual({
      kind: "queue",
      url: "https://sqs.us-east-1.amazonaws.com/1/q",
    });
    expect(sourceAddressIn("s3://bucket/some/prefix/")).toEqual({
      kind: "objects",
      bucket: "bucket",
      prefix: "some/prefix/",
    });
    expect(sourceAddressIn("s3://bucket")).toEqual({ kind: "objects", bucket: "bucket", prefix: "" });
    expect(sourceAddressIn("package.json")).toEqual({ kind: "file", path: "package.json" });
  });

  test.each(["arn:aws:sqs:us-east-1:1:q", "orders", "https://", "https://host"])("%s is not a source address", (text) =>
    expect(refusal(() => sourceAddressIn(text))).toContain("expected a queue's URL"),
  );

  test("of the command dead-letters are only queues", () => {
    expect(refusal(() => queueUrlIn("s3://bucket"))).toBe(
      '"s3://bucket" is not the URL of a queue; expected a queue\'s URL (https://sqs.…)',
    );
  });

  test.each([
    ["https://sqs.eu-central-1.amazonaws.com/1/q", "eu-central-1"],
    ["https://sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1"],
    ["https://sqs.us-west-2.api.aws/1/q", "us-west-2"],
    ["https://us-west-2.queue.amazonaws.com/1/q", "us-west-2"],
    ["https://vpce-1a-2b.sqs.eu-west-1.vpce.amazonaws.com/1/q", "eu-west-1"],
    ["arn:aws:lambda:ap-south-1:1:function:f", "ap-south-1"],
    ["http://127.0.0.1:4566/000000000000/q", undefined],
    ["orders", undefined],
  ])("the region of %s is %s", (address, region) => expect(regionIn(address)).toBe(region));
});

describe("errors of AWS", () => {
  const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });
  test.each([
    [
      named("CredentialsProviderError", "Could not load credentials from any providers"),
      /^it: CredentialsProviderError: Could not .*; expected credentials in the environment, or --profile$/,
    ],
    [new Error("Region is missing"), /^it: no region was found; expected --region or AWS_REGION$/],
    [
      named("AccessDenied", "User: x is not authorized\nmore"),
      /^it: AccessDenied: User: x is not authorized; expected permission/,
    ],
    [Object.assign(new Error(""), { code: "ECONNREFUSED" }), /^it: ECONNREFUSED$/],
    ["a text", /^it: a text$/],
  ])("%s", (error, message) => expect(awsFailure("it", error).message).toMatch(message));
});
