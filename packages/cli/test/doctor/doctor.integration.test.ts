// `sluice doctor` as a process, on moto: its report, its exit codes, and commands that reach the same engine.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { doctorCodes } from "@sluice/inspect";
import { engineOrSkip, startMoto } from "@sluice/local";
import { createDeployment, secrets, type TestDeployment } from "../../../inspect/test/support/deployment.ts";
import { runSluice, startSluice } from "../support/sluice.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

const credentials = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };

/** The areas without rights and alarms, which this deployment does not have. */
const only = ["mapping", "stream", "function", "queues"].flatMap((area) => ["--only", area]);

describeWithMoto("sluice doctor", (moto) => {
  let deployment: TestDeployment;

  beforeAll(async () => {
    deployment = await createDeployment(moto);
  });
  afterAll(() => deployment?.close());

  const run = (...args: readonly string[]) =>
    runSluice(
      [
        "doctor",
        "--function",
        deployment.functionName,
        "--region",
        "us-east-1",
        "--endpoint-url",
        moto.endpoint,
        ...args,
      ],
      { env: credentials },
    );

  test("a good deployment ends with 0, and the counts", async () => {
    const { code, stdout, stderr } = await run(...only);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^orders-\S+: 0 faults, 0 warnings, 0 unknown; \d+ codes checked\n$/);
  });

  test("warnings end with 0, with --strict with 1; faults with 1", async () => {
    const { lambda } = deployment.clients;
    await lambda.updateEventSourceMapping({ UUID: deployment.mappingId, BisectBatchOnFunctionError: false });
    const warned = await run(...only);
    expect({ code: warned.code, stderr: warned.stderr }).toEqual({ code: 0, stderr: "" });
    expect(warned.stdout).toContain("WARN: ");
    expect(warned.stdout).toContain("  BISECT_MISSING  mapping  ");
    expect((await run(...only, "--strict")).code).toBe(1);
    expect((await run(...only, "--strict", "--skip", "BISECT_MISSING")).code).toBe(0);
    await lambda.updateEventSourceMapping({ UUID: deployment.mappingId, FunctionResponseTypes: [] });
    const { code, stdout } = await run(...only);
    expect(code).toBe(1);
    expect(stdout.indexOf("FAIL: ")).toBeLessThan(stdout.indexOf("WARN: "));
    // The command reaches the engine that the user named.
    expect(stdout).toContain(
      `\n    aws --region us-east-1 --endpoint-url ${moto.endpoint} lambda update-event-source-mapping --uuid ${deployment.mappingId} --function-response-types ReportBatchItemFailures\n`,
    );
    expect(stdout).toMatch(/: 1 fault, 1 warning, 0 unknown; \d+ codes checked\n$/);
    const json = JSON.parse((await run(...only, "--json")).stdout);
    expect(json).toMatchObject({ functionName: deployment.functionName, counts: { fail: 1, warn: 1, unknown: 0 } });
    for (const secret of Object.values(secrets)) expect(stdout + JSON.stringify(json)).not.toContain(secret);
  });

  test("a function that does not exist is a fault", async () => {
    const { code, stdout } = await run("--function", "no-such-function");
    expect(code).toBe(1);
    expect(stdout).toContain("FUNCTION_MISSING  function  no-such-function");
  });

  test("the commands for a function in an ARN are for the region of the ARN", async () => {
    const arn = "arn:aws:lambda:eu-west-3:123456789012:function:no-such-function";
    const args = ["doctor", "--function", arn, "--endpoint-url", moto.endpoint];
    const { stdout } = await runSluice(args, { env: { ...credentials, AWS_REGION: "us-east-1" } });
    expect(stdout).toContain(`aws --region eu-west-3 --endpoint-url ${moto.endpoint} lambda list-functions`);
  });

  test("if AWS answers nothing, nothing was judged", async () => {
    const { code, stdout, stderr } = await run("--endpoint-url", "http://127.0.0.1:1");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      `sluice: nothing of ${deployment.functionName} was judged: lambda:GetFunctionConfiguration had no answer (ECONNREFUSED); ` +
        "expected a network in which AWS answers, and a region or an --endpoint-url that exists\n",
    );
  });
});

test("Ctrl-C ends sluice doctor at once, also at an endpoint that is silent", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const { child, ended } = startSluice([
    "doctor",
    "--function",
    "orders",
    "--endpoint-url",
    `http://127.0.0.1:${port}`,
  ]);
  await once(silent, "connection");
  child.kill("SIGINT");
  expect(await ended).toEqual({ code: 130, stdout: "", stderr: "stopping\n" });
  silent.close();
});

describe("arguments of sluice doctor", () => {
  test("--policy prints a policy that only reads", async () => {
    const { code, stdout } = await runSluice(["doctor", "--policy"]);
    const { Statement } = JSON.parse(stdout) as { Statement: readonly [{ Effect: string; Action: readonly string[] }] };
    expect(code).toBe(0);
    expect(Statement[0].Action.length).toBeGreaterThan(10);
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const [row = ""] = readme.split("\n").filter((line) => line.startsWith("| `sluice doctor` |"));
    expect([...row.matchAll(/`([a-z]+:\w+)`/g)].map(([, action]) => action)).toEqual(Statement[0].Action);
    for (const action of Statement[0].Action) expect(action).toMatch(/^[a-z]+:(Describe|Get|List|Simulate)[A-Za-z]+$/);
  });

  test.each([
    [[], "--function is missing; expected the name or ARN of the pipeline's function"],
    [["--function", "a", "--only", "maping"], '--only is "maping"; expected mapping, stream, '],
    [["--function", "a", "--skip", "METRIC_OFF"], '--skip is "METRIC_OFF"; expected a code of docs/doctor.md'],
    [["a.ts", "b.ts", "--function", "a"], 'unexpected argument "b.ts"; expected one module'],
    [["a.ts", "--function", "a"], "there is no file "],
  ])("%j is wrong usage", async (args, message) => {
    const { code, stdout, stderr } = await runSluice(["doctor", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`sluice: ${message}`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("every code can be skipped", () => expect(doctorCodes.length).toBeGreaterThan(50));
});
