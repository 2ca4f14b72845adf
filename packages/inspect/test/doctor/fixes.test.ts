// Runs the commands of findings in a shell, with the AWS CLI: each mends what it was printed for. Needs `aws` and `jq`.

import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "@sluice/local";
import { doctor } from "../../src/index.ts";
import { createDeployment, type TestDeployment } from "../support/deployment.ts";
import { mutations } from "./mutations.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

const isInstalled = ["aws", "jq"].every((program) => spawnSync(program, ["--version"]).status === 0);
const testWithCli = isInstalled ? test : test.skip;

const only = ["mapping", "stream", "function", "queues", "tombstones"] as const;

/**
 * Codes whose command does not mend by itself: it shows why, or opens an editor; or moto cannot do what it asks for. moto has
 * no tables of other accounts, no restore, and switches no stream on again.
 */
const notRun = new Set([
  "FUNCTION_MISSING",
  "FUNCTION_FAILED",
  "FUNCTION_NOT_UPDATED",
  "MAPPING_PROBLEM",
  "LATEST_LOSES",
  "FILTER_NUMBER",
  "FILTER_UNTYPED",
  "FILTER_SHAPE",
  "FILTER_DROPS_REMOVALS",
  "TABLE_MISSING",
  "VIEW_TYPE",
  "STREAM_MISSING",
]);

/** Answers that a test changes stay as they are. */
const isReal = ({ name, code }: { readonly name: string; readonly code: string }): boolean =>
  !(name.startsWith("the answer has") || notRun.has(code));

describeWithMoto("fixes", (moto) => {
  const codesOf = async ({ clients, functionName }: TestDeployment): Promise<ReadonlyMap<string, string>> => {
    const { findings } = await doctor({ clients, functionName, only });
    return new Map(findings.map(({ code, fix }) => [code, fix]));
  };

  const run = (fix: string, { tableName, deadLetterQueueUrl, retryQueueUrl }: TestDeployment): void => {
    const [line = ""] = fix.split("\n");
    const queue = line.includes("RETRY_QUEUE_URL") ? retryQueueUrl : deadLetterQueueUrl;
    // Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS.
    const local = `aws() { command aws --endpoint-url ${moto.endpoint} "$@"; }; `;
    const command = local + line.replaceAll("YOUR-TABLE", tableName).replaceAll("YOUR-QUEUE-URL", queue);
    execFileSync("bash", ["-euo", "pipefail", "-c", command], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_REGION: "us-east-1",
        AWS_DEFAULT_REGION: "us-east-1",
        AWS_PAGER: "",
      },
    });
  };

  testWithCli.each(mutations.filter(isReal))("$code: $name", async ({ code, apply }) => {
    const deployment = await createDeployment(moto);
    await apply(deployment);
    const fix = (await codesOf(deployment)).get(code) ?? "";
    expect(fix).not.toBe("");
    run(fix, deployment);
    expect([...(await codesOf(deployment)).keys()]).not.toContain(code);
    deployment.close();
  });

  test("most commands are run", () => expect(mutations.filter(isReal).length).toBeGreaterThan(25));
});
