// A missing right is an open question about its subjects, and never a fault.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "@sluice/local";
import fc from "fast-check";
import { type DoctorReport, doctor } from "../../src/index.ts";
import { createDeployment, type TestDeployment } from "../support/deployment.ts";
import { mutations } from "./mutations.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

const areas = ["mapping", "stream", "function", "queues", "tombstones"] as const;

/** The actions, and how many subjects each has in the good deployment. */
const subjects: Readonly<Record<string, number>> = {
  "lambda:GetFunctionConfiguration": 1,
  "lambda:GetFunctionConcurrency": 1,
  // The function: without its mappings, no stream is known.
  "lambda:ListEventSourceMappings": 1,
  "dynamodb:DescribeTable": 1,
  "dynamodb:DescribeStream": 1,
  "dynamodb:DescribeTimeToLive": 1,
  // The retry queue, and the dead-letter queue.
  "sqs:GetQueueAttributes": 2,
};

const actions = Object.keys(subjects);

describeWithMoto("rights", (moto) => {
  const judge = ({ clients, functionName }: TestDeployment): Promise<DoctorReport> =>
    doctor({ clients, functionName, only: areas });

  test("the doctor makes no other calls", async () => {
    const deployment = await createDeployment(moto);
    await judge(deployment);
    expect([...new Set(deployment.calls)].sort()).toEqual([...actions].sort());
    deployment.close();
  });

  test.each(actions)("without %s, each of its subjects is unknown once", async (action) => {
    const deployment = await createDeployment(moto);
    deployment.deny(action);
    const { findings } = await judge(deployment);
    expect(findings.map(({ code, level }) => [code, level])).toEqual(
      Array.from({ length: subjects[action] ?? 0 }, () => ["NOT_ALLOWED", "unknown"]),
    );
    for (const { found, expected, fix, resource } of findings) {
      for (const text of [found, expected, fix]) expect(text).toContain(action);
      expect(fix).toContain(resource);
    }
    deployment.close();
  });

  test("without any right, nothing is guessed", async () => {
    const deployment = await createDeployment(moto);
    for (const action of [...actions, "sqs:GetQueueUrl", "lambda:ListAliases"]) deployment.deny(action);
    const { findings, counts } = await judge(deployment);
    expect(findings.filter(({ code }) => code !== "NOT_ALLOWED")).toEqual([]);
    expect(counts).toEqual({ fail: 0, warn: 0, unknown: 3 });
    deployment.close();
  });

  test("a missing right adds no fault to a broken deployment", async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    process.stdout.write(`rights and mutations: SEED=${seed}\n`);
    const property = fc.asyncProperty(
      fc.constantFrom(...mutations),
      fc.subarray(actions, { minLength: 1 }),
      async ({ code, name, apply }, denied) => {
        const deployment = await createDeployment(moto);
        await apply(deployment);
        for (const action of denied) deployment.deny(action);
        const { findings } = await judge(deployment);
        deployment.close();
        const others = findings.filter((finding) => finding.code !== code && finding.code !== "NOT_ALLOWED");
        expect({ name, denied, others }).toEqual({ name, denied, others: [] });
        const asked = findings
          .filter((finding) => finding.level === "unknown")
          .map(({ resource, found }) => [resource, found]);
        expect(new Set(asked.map((pair) => JSON.stringify(pair))).size).toBe(asked.length);
      },
    );
    await fc.assert(property, { seed, numRuns: Number(process.env.PAIRS ?? 20), endOnFailure: true });
  });
});
