// A whole redrive on local engines: the table's stream, dead letters in SQS, Step Functions, and the approval. A person
// approves with a link that SNS sends. Only the target is in memory.

import { SNS } from "@aws-sdk/client-sns";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startEngines } from "@sluice/local";
import {
  approvalPageHandler,
  approvalRequestHandler,
  batchHandler,
  inspectionHandler,
  redriveStateMachine,
  reportHandler,
} from "../src/index.ts";
import { motoEngine } from "./moto-engine.ts";
import { silent } from "./rig.ts";
import type { LambdaFunction } from "./scenarios.ts";
import { makeWorld } from "./world.ts";

const secret = "0123456789abcdef0123456789abcdef";

const describeWithAll = await engineOrSkip({ describe, test, afterAll }, async () => {
  const engines = await startEngines({ dynamodb: true, sqs: true });
  const stepFunctions = await motoEngine().catch(async (error: unknown) => {
    await engines.stop();
    throw error;
  });
  const stop = async (): Promise<void> => {
    await Promise.all([engines.stop(), stepFunctions.stop()]);
  };
  return { ...engines, stepFunctions, stop };
});

describeWithAll("a redrive from the table to its report", ({ dynamodb, sqs: sqsEngine, stepFunctions }) => {
  test("asks for approval through a topic, waits for the form, fixes and delivers records, and reports the rest", async () => {
    const world = await makeWorld({ dynamodb, sqs: sqsEngine });
    const { sqs, queueUrl } = world;
    const sns = new SNS(sqsEngine.clientConfig);
    const { TopicArn: topicArn = "" } = await sns.createTopic({ Name: "redrive" });
    const { QueueUrl: mailbox = "" } = await sqs.createQueue({ QueueName: "mailbox" });
    const Endpoint = "arn:aws:sqs:us-east-1:000000000000:mailbox";
    const Attributes = { RawMessageDelivery: "true" };
    await sns.subscribe({ TopicArn: topicArn, Protocol: "sqs", Endpoint, Attributes });
    const nextMail = async (): Promise<string> => {
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: mailbox, WaitTimeSeconds: 20 });
      if (Messages.length === 0) return nextMail();
      await sqs.deleteMessage({ QueueUrl: mailbox, ReceiptHandle: Messages[0]?.ReceiptHandle });
      return Messages[0]?.Body ?? "";
    };

    world.refuse(({ total }) => total === undefined);
    for (const id of ["o-1", "o-2", "o-3", "o-4"]) await world.put({ id: { S: id } });
    await world.put({ id: { S: "o-5" }, total: { N: "5" } });
    await world.drained();
    expect(await world.deadLetters()).toBe(4);

    const clients = { sqs, sns };
    const common = { queueUrl, topicArn, clients };
    const pageUrl = "https://example.com/";
    const page = approvalPageHandler({ secret, logger: silent, clients: { sfn: stepFunctions.tasks } });
    const functions = {
      InspectionFunctionArn: inspectionHandler({ queueUrl, logger: silent, pollSeconds: 0, clients }),
      ApprovalRequestFunctionArn: approvalRequestHandler({ ...common, secret, pageUrl }),
      BatchFunctionArn: batchHandler({
        ...world.options,
        fix: ({ record }) => {
          const { NewImage } = record.dynamodb ?? {};
          const id = JSON.stringify(NewImage?.id);
          if (id.includes("o-1")) return "drop";
          if (id.includes("o-2")) return undefined;
          return {
            record: { ...record, dynamodb: { ...record.dynamodb, NewImage: { ...NewImage, total: { N: "0" } } } },
          };
        },
      }),
      ReportFunctionArn: reportHandler({ ...common, logger: silent }),
    } as unknown as { readonly [placeholder: string]: LambdaFunction };

    const running = stepFunctions.run(redriveStateMachine({ approval: { timeoutSeconds: 60 } }), functions, {});
    const asked = await nextMail();
    expect(asked).toContain("     4  copy  MAPPING_FAILED");
    const approval = new URL(/https:\S+/.exec(asked)?.[0] ?? "").searchParams.get("approval") ?? "";
    const request = { queryStringParameters: { approval }, body: "decision=approve" };
    expect((await page({ ...request, requestContext: { http: { method: "POST" } } })).statusCode).toBe(200);

    const { status, output } = await running;
    expect(status).toBe("SUCCEEDED");
    expect(output).toMatchObject({
      outcome: "completed",
      counts: { received: 4, delivered: 2, dropped: 1, left: 1 },
      left: { copy: { MAPPING_FAILED: 1 } },
      queue: { before: { visible: 4 }, now: { visible: 1, inFlight: 0 } },
    });
    expect(await nextMail()).toContain("     1  copy  MAPPING_FAILED");
    expect([...world.target.items().values()].map((item) => (item as { id: string }).id).sort()).toEqual([
      "o-3",
      "o-4",
      "o-5",
    ]);
    expect(await world.deadLetters()).toBe(1);
    sns.destroy();
    await world.stop();
  });
});
