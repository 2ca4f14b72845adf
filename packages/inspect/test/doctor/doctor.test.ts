// The whole doctor on a good deployment.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMinistack } from "@sluice/local";
import { doctor, doctorActions } from "../../src/index.ts";
import { createOperatedDeployment } from "../support/operated-deployment.ts";

const describeWithMinistack = await engineOrSkip({ describe, test, afterAll }, () => startMinistack());

describeWithMinistack("the doctor", (ministack) => {
  test("finds nothing in a good deployment, and only reads", async () => {
    const deployment = await createOperatedDeployment(ministack);
    const report = await doctor({ clients: deployment.clients, functionName: deployment.functionName });
    expect(report.findings).toEqual([]);
    expect(deployment.calls.filter((call) => !/:(Describe|Get|List|Simulate)/.test(call))).toEqual([]);
    const allowed: readonly string[] = doctorActions;
    expect(deployment.calls.filter((call) => !allowed.includes(call))).toEqual([]);
    expect(allowed.filter((action) => !/:(Describe|Get|List|Simulate)/.test(action))).toEqual([]);
    expect(deployment.calls.length).toBeGreaterThan(15);
    deployment.close();
  });
});
