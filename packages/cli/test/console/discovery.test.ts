// A console that stays open sees what has changed: after a minute, and only then.

import { afterAll, afterEach, describe, expect, jest, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "@sluice/local";
import { createDeployment } from "../../../inspect/test/support/deployment.ts";
import { discover } from "../../src/console/discovery.ts";
import { deploymentHost } from "../../src/console/host.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

afterEach(() => {
  jest.restoreAllMocks();
});

describeWithMoto("the discovery of a deployment", (moto) => {
  test("a queue that the function has since then is in about, and pages hear of it", async () => {
    const deployment = await createDeployment(moto);
    const { clients, functionName, calls, deadLetterQueueUrl } = deployment;
    const discovery = await discover(clients, functionName, undefined);
    const aws = { profile: undefined, region: undefined, endpointUrl: "http://user:canary@127.0.0.1:1" };
    const host = deploymentHost({
      subject: { functionName, module: undefined, modulePath: undefined, rights: "redrive", aws, version: "1.2.3" },
      given: { retryQueues: [], deadLetters: [], payloadStore: undefined },
      clients,
      discovery,
      directory: "none",
    });
    let changes = 0;
    const stop = host.onAbout(() => {
      changes += 1;
    });
    const { signal } = new AbortController();
    const start = Date.now();
    const later = async (ms: number): Promise<void> => {
      jest.spyOn(Date, "now").mockReturnValue(start + ms);
      await host.overview(signal);
      jest.restoreAllMocks();
    };
    expect(host.about().queues.map(({ kind }) => kind)).toEqual(["retry queue", "dead letters"]);
    expect(JSON.stringify(host.about())).not.toContain("canary");
    const { Environment } = await clients.lambda.getFunctionConfiguration({ FunctionName: functionName });
    const { QueueUrl = "" } = await clients.sqs.createQueue({ QueueName: `${functionName}-other` });
    const Variables = { ...Environment?.Variables, DEAD_LETTER_QUEUE_URL: QueueUrl };
    await clients.lambda.updateFunctionConfiguration({ FunctionName: functionName, Environment: { Variables } });
    calls.length = 0;
    await later(30_000);
    expect({ changes, looked: calls.includes("lambda:GetFunctionConfiguration") }).toEqual({
      changes: 0,
      looked: false,
    });
    const asked = calls.length;
    await later(35_000);
    expect(calls).toHaveLength(asked);
    await later(61_000);
    expect(changes).toBe(1);
    expect(host.about().queues.map(({ url }) => url)).toContain(QueueUrl);
    expect(host.about().queues.map(({ url }) => url)).not.toContain(deadLetterQueueUrl);
    stop();
    deployment.close();
  });

  test("an action that the level does not have is refused by the host, too", async () => {
    const deployment = await createDeployment(moto);
    const { clients, functionName, deadLetterQueueUrl: queueUrl } = deployment;
    const aws = { profile: undefined, region: undefined, endpointUrl: undefined };
    const host = deploymentHost({
      subject: { functionName, module: undefined, modulePath: undefined, rights: "read", aws, version: "1.2.3" },
      given: { retryQueues: [], deadLetters: [], payloadStore: undefined },
      clients,
      discovery: await discover(clients, functionName, undefined),
      directory: "none",
    });
    const { signal } = new AbortController();
    const call = { id: "run-1", signal, onProgress: () => undefined };
    const pipeline = functionName;
    await expect(host.run({ kind: "redrive", pipeline, queueUrl }, call)).rejects.toThrow(
      "a start without --read-only",
    );
    await expect(host.run({ kind: "backfill", pipeline }, call)).rejects.toThrow("--write, and the pipeline's module");
    await expect(host.run({ kind: "verify", pipeline }, call)).rejects.toThrow("the pipeline's module, and a table");
    await expect(host.dropDeadLetters({ queueUrl, ids: ["a"] }, signal)).rejects.toThrow("with --write");
    await expect(host.editDeadLetter({ queueUrl, id: "a", newImage: {} }, signal)).rejects.toThrow("with --write");
    deployment.close();
  });
});
