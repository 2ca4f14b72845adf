// The doctor on a good deployment.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "@sluice/local";
import { doctor } from "../../src/index.ts";
import { createDeployment } from "../support/deployment.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

describeWithMoto("the doctor", (moto) => {
  test("finds nothing in a good deployment, and only reads", async () => {
    const deployment = await createDeployment(moto);
    const report = await doctor({ clients: deployment.clients, functionName: deployment.functionName });
    expect(report.findings).toEqual([]);
    expect(deployment.calls.filter((call) => !/:(Describe|Get|List|Simulate)/.test(call))).toEqual([]);
    expect(deployment.calls.length).toBeGreaterThan(5);
    deployment.close();
  });
});
