// Runs the commands of findings in a shell, with the AWS CLI: each mends what it was printed for. Needs `aws` and `jq`. A run
// takes six mutations; `FIXES=100` takes all, in about two minutes. `SEED` selects them.

import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "@sluice/local";
import fc from "fast-check";
import { doctor } from "../../src/index.ts";
import { createDeployment, type TestDeployment } from "../support/deployment.ts";
import { mutations } from "./mutations.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

const isInstalled = ["aws", "jq"].every((program) => spawnSync(program, ["--version"]).status === 0);
if (!isInstalled) process.stdout.write("fixes are not run: aws and jq are not installed\n");
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

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
process.stdout.write(`fixes: SEED=${seed}\n`);
const [chosen = []] = fc.sample(
  fc.shuffledSubarray(mutations.filter(isReal), { minLength: mutations.filter(isReal).length }),
  { seed, numRuns: 1 },
);

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

  testWithCli.each(chosen.slice(0, Number(process.env.FIXES ?? 6)))("$code: $name", async ({ code, apply }) => {
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
