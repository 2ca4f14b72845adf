// The arguments of `sluice console`, and the policy that it prints.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { doctorActions } from "@sluice/inspect";
import { consoleOptions } from "../../src/console/options.ts";
import { runSluice, startSluice } from "../support/sluice.ts";

const actionsOf = (stdout: string): readonly string[] => {
  const { Statement } = JSON.parse(stdout) as { readonly Statement: readonly { readonly Action: readonly string[] }[] };
  return Statement.flatMap(({ Action }) => Action);
};

const onlyReads = /^[a-z0-9]+:(Describe|Get|List|Simulate|Filter|BatchGet|Scan)/;

describe("arguments of sluice console", () => {
  test.each([
    [[], "--function is missing; expected the name or ARN of the pipeline's function"],
    [["--function", "a", "--read-only", "--write"], "--read-only and --write are both given; expected one of them"],
    [["--function", "a", "--port", "0"], '--port is "0"; expected a number from 1 to 65535'],
    [["--function", "a", "--port", "70000"], '--port is "70000"; expected a number from 1 to 65535'],
    [["--function", "a", "--dead-letters", "orders"], '"orders" is not the URL of a queue'],
    [["a.ts", "b.ts", "--function", "a"], 'unexpected argument "b.ts"; expected one module'],
    [["--function", "a", "--payload-store", "bucket"], '--payload-store is "bucket"; expected s3://bucket/prefix/'],
    [["a.ts", "--function", "a"], "there is no file "],
  ])("%j is wrong usage", async (args, message) => {
    const { code, stdout, stderr } = await runSluice(["console", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`sluice: ${message}`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("without a network, nothing is shown, and no page is served", async () => {
    const args = ["console", "--function", "orders", "--endpoint-url", "http://127.0.0.1:1"];
    const { code, stdout, stderr } = await runSluice(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(
      "sluice: nothing of orders can be shown: lambda:GetFunctionConfiguration was answered with ECONNREFUSED; expected ",
    );
  });

  test("Ctrl-C ends the command at once, also at an endpoint that is silent", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}`;
    const { child, ended } = startSluice(["console", "--function", "orders", "--endpoint-url", endpoint]);
    await once(silent, "connection");
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0, stdout: "" });
    silent.close();
  });

  test("defaults: a redrive is possible, and nothing else that writes", () => {
    expect(consoleOptions(["--function", "orders"])).toMatchObject({
      rights: "redrive",
      opens: false,
      port: undefined,
    });
  });
});

describe("the policy of sluice console", () => {
  test("by default: to look, to read dead letters, to redrive them", async () => {
    const { code, stdout } = await runSluice(["console", "--policy"]);
    expect(code).toBe(0);
    const actions = actionsOf(stdout);
    expect(actions).toEqual(expect.arrayContaining([...doctorActions, "cloudwatch:ListMetrics"]));
    expect(actions.filter((action) => !onlyReads.test(action)).sort()).toEqual([
      "lambda:InvokeFunction",
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:ReceiveMessage",
    ]);
  });

  test("with --read-only, nothing is invoked or deleted", async () => {
    const args = ["console", "orders.ts", "--policy", "--read-only", "--payload-store", "s3://large/records/"];
    const { stdout } = await runSluice(args);
    const actions = actionsOf(stdout);
    expect(actions.filter((action) => !onlyReads.test(action)).sort()).toEqual([
      "sqs:ChangeMessageVisibility",
      "sqs:ReceiveMessage",
    ]);
    expect(actions).toContain("dynamodb:GetItem");
    expect(stdout).toContain('"arn:aws:s3:::large/records/*"');
  });

  test("the README names what is beyond the doctor's actions", async () => {
    const args = ["console", "orders.ts", "--policy", "--payload-store", "s3://large/"];
    const actions = actionsOf((await runSluice(args)).stdout);
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const rowOf = (start: string): string => readme.split("\n").find((line) => line.startsWith(start)) ?? "";
    const rows = ["| `sluice console` |", "| `sluice doctor` |", "| inspecting |", "| tracing |", "| verifying |"];
    const text = rows.map(rowOf).join("\n");
    for (const action of actions) expect(text).toContain(`\`${action}\``);
  });
});
