// A good deployment has no findings; each mutation yields exactly its own code, and two independent ones exactly their two.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "@sluice/local";
import fc from "fast-check";
import { type DoctorReport, doctor } from "../../src/index.ts";
import { createDeployment, secrets, type TestDeployment } from "../support/deployment.ts";
import { documentedLevels } from "../support/documented-levels.ts";
import { isIndependent, type Mutation, mutations } from "./mutations.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

const areas = ["mapping", "stream", "function", "queues", "tombstones"] as const;

const judge = ({ clients, functionName }: TestDeployment): Promise<DoctorReport> =>
  doctor({ clients, functionName, only: areas });

const codesOf = ({ findings }: DoctorReport): readonly string[] =>
  [...new Set(findings.map(({ code }) => code))].sort();

describeWithMoto("mutations of a good deployment", (moto) => {
  const judgeMutated = async (applied: readonly Mutation[]): Promise<DoctorReport> => {
    const deployment = await createDeployment(moto);
    for (const { apply } of applied) await apply(deployment);
    const report = await judge(deployment);
    deployment.close();
    return report;
  };

  test.each(mutations)("$code: $name", async (mutation) => {
    const report = await judgeMutated([mutation]);
    expect(codesOf(report)).toEqual([mutation.code]);
    for (const { found, expected, fix, resource, level } of report.findings) {
      expect(level).toBe(documentedLevels.get(mutation.code));
      for (const text of [found, expected, fix, resource]) expect(text).not.toBe("");
      expect(fix).toMatch(/^(aws|sluice) /);
    }
    expect(report.counts.unknown).toBe(0);
    // A queue's URL may be in a fix. Other variables' values may be secrets.
    for (const secret of Object.values(secrets)) expect(JSON.stringify(report)).not.toContain(secret);
  });

  test("pairs of independent mutations yield exactly both codes", async () => {
    const pairs = mutations.flatMap((a, index) =>
      mutations.slice(index + 1).flatMap((b) => (isIndependent(a, b) ? [[a, b] as const] : [])),
    );
    expect(pairs.length).toBeGreaterThan(300);
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    process.stdout.write(`pairs of mutations: SEED=${seed} (of ${pairs.length} pairs)\n`);
    const property = fc.asyncProperty(fc.constantFrom(...pairs), async ([a, b]) => {
      const codes = codesOf(await judgeMutated([a, b]));
      const expected = [...new Set([a.code, b.code])].sort();
      expect({ pair: [a.name, b.name], codes }).toEqual({ pair: [a.name, b.name], codes: expected });
    });
    await fc.assert(property, { seed, numRuns: Number(process.env.PAIRS ?? 20), endOnFailure: true });
  });

  test("a code that is skipped is not reported", async () => {
    const deployment = await createDeployment(moto);
    await deployment.clients.lambda.updateEventSourceMapping({
      UUID: deployment.mappingId,
      BisectBatchOnFunctionError: false,
    });
    const { clients, functionName } = deployment;
    const report = await doctor({ clients, functionName, only: areas, skip: ["BISECT_MISSING"] });
    expect(report.findings).toEqual([]);
    expect(report.checked).not.toContain("BISECT_MISSING");
    const other = await doctor({ clients, functionName, only: ["queues"] });
    expect(other.findings).toEqual([]);
    deployment.close();
  });

  test("every code of these areas has a mutation", async () => {
    const deployment = await createDeployment(moto);
    const { clients, functionName } = deployment;
    // Tombstones are tested with their targets; only the dedupe table's TTL belongs to a deployment without targets.
    const { checked } = await doctor({ clients, functionName, only: ["mapping", "stream", "function", "queues"] });
    expect(new Set(mutations.map(({ code }) => code))).toEqual(new Set([...checked, "TTL_MISSING"]));
    deployment.close();
  });
});
