// What the doctor is asked for: aliases, a check that throws, and what no report may show.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "@sluice/local";
import { areas, type DoctorReport, doctor } from "../../src/index.ts";
import { createDeployment, type TestDeployment } from "../support/deployment.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

const only = areas.filter((area) => area !== "operation" && area !== "rights");

const judge = ({ clients, functionName }: TestDeployment, qualifier = ""): Promise<DoctorReport> =>
  doctor({ clients, functionName: `${functionName}${qualifier}`, only });

const codesOf = ({ findings }: DoctorReport): readonly string[] => findings.map(({ code }) => code);

describeWithMoto("the doctor", (moto) => {
  test("judges the mappings of an alias, and names the alias to a user who forgot it", async () => {
    const deployment = await createDeployment(moto);
    const { clients, functionName, mapping, mappingId, retryMappingId } = deployment;
    const { lambda } = clients;
    await lambda.publishVersion({ FunctionName: functionName });
    await lambda.createAlias({ FunctionName: functionName, Name: "live", FunctionVersion: "1" });
    const { EventSourceMappings: [, retries] = [] } = await lambda.listEventSourceMappings({
      FunctionName: functionName,
    });
    for (const UUID of [mappingId, retryMappingId]) await lambda.deleteEventSourceMapping({ UUID });
    const FunctionName = `${functionName}:live`;
    await lambda.createEventSourceMapping({ ...mapping, FunctionName });
    await lambda.createEventSourceMapping({
      FunctionName,
      EventSourceArn: retries?.EventSourceArn,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    });

    expect(await judge(deployment, ":live")).toMatchObject({ functionName: FunctionName, findings: [] });
    const { findings } = await judge(deployment);
    expect(findings.map(({ code, found, fix }) => [code, found, fix])).toContainEqual([
      "MAPPING_MISSING",
      `no mapping from a DynamoDB stream; there are some to ${FunctionName}`,
      `sluice doctor --function ${FunctionName}`,
    ]);
    deployment.close();
  });

  test("a check that ends with an error is an open question", async () => {
    const deployment = await createDeployment(moto);
    deployment.rewrite("sqs:GetQueueAttributes", (answer: { Attributes: object }) => ({
      Attributes: { ...answer.Attributes, Policy: "no JSON: canary" },
    }));
    const report = await judge(deployment);
    expect(new Set(codesOf(report))).toEqual(new Set(["CHECK_FAILED"]));
    expect(report.counts).toMatchObject({ fail: 0, warn: 0 });
    expect(JSON.stringify(report)).not.toContain("canary");
    deployment.close();
  });

  test("what a key of KMS hides is an open question", async () => {
    const deployment = await createDeployment(moto);
    deployment.rewrite("lambda:GetFunctionConfiguration", (answer: object) => ({
      ...answer,
      Environment: { Error: { ErrorCode: "AccessDeniedException", Message: "canary" } },
    }));
    deployment.rewrite("lambda:ListEventSourceMappings", (answer: { EventSourceMappings: readonly object[] }) => ({
      EventSourceMappings: answer.EventSourceMappings.map((mapping) => ({
        ...mapping,
        FilterCriteriaError: { ErrorCode: "AccessDeniedException", Message: "canary" },
      })),
    }));
    const { findings } = await judge(deployment);
    const { functionName, mappingId, retryMappingId } = deployment;
    expect(findings.map(({ code, resource }) => [code, resource])).toEqual(
      expect.arrayContaining([functionName, mappingId, retryMappingId].map((resource) => ["NOT_ALLOWED", resource])),
    );
    expect(findings.filter(({ level }) => level !== "unknown")).toEqual([]);
    for (const { found } of findings) expect(found).toBe("kms:Decrypt was answered with AccessDeniedException");
    deployment.close();
  });

  test("a queue of another account that seems to be missing is an open question", async () => {
    const deployment = await createDeployment(moto);
    const { clients, mappingId } = deployment;
    const Destination = "arn:aws:sqs:us-east-1:999999999999:failed";
    const DestinationConfig = { OnFailure: { Destination } };
    await clients.lambda.updateEventSourceMapping({ UUID: mappingId, DestinationConfig });
    const { findings } = await judge(deployment);
    expect(findings).toMatchObject([{ code: "NOT_ANSWERED", level: "unknown", resource: "failed" }]);
    deployment.close();
  });

  test("shows no value of an item, a filter or a variable", async () => {
    const deployment = await createDeployment(moto);
    const { clients, functionName, mappingId, tableName, retryQueueUrl } = deployment;
    await clients.dynamodb.putItem({ TableName: tableName, Item: { pk: { S: "canary-key" } } });
    await clients.sqs.sendMessage({ QueueUrl: retryQueueUrl, MessageBody: '{"pk":"canary-body"}' });
    const filters = [
      { eventName: ["INSERT"], dynamodb: { NewImage: { owner: { S: ["canary-filter"] } } } },
      { dynamodb: { NewImage: { owner: ["canary-untyped"] } } },
    ];
    await clients.lambda.updateEventSourceMapping({
      UUID: mappingId,
      FilterCriteria: { Filters: filters.map((filter) => ({ Pattern: JSON.stringify(filter) })) },
      FunctionResponseTypes: [],
    });
    await clients.dynamodb.deleteTable({ TableName: tableName });
    const report = await doctor({ clients, functionName });
    expect(codesOf(report)).toEqual(expect.arrayContaining(["FILTER_UNTYPED", "TABLE_MISSING"]));
    expect(JSON.stringify(report)).not.toMatch(/canary/);
    deployment.close();
  });

  test("says that a deployment was not judged if AWS answers nothing about the function", async () => {
    const deployment = await createDeployment(moto);
    const denied = ["GetFunctionConfiguration", "GetFunctionConcurrency", "ListEventSourceMappings"];
    for (const action of denied.slice(0, 2)) deployment.deny(`lambda:${action}`);
    expect((await judge(deployment)).unanswered).toBe(undefined);
    deployment.deny("lambda:ListEventSourceMappings");
    expect((await judge(deployment)).unanswered).toEqual({
      action: "lambda:GetFunctionConfiguration",
      reason: "AccessDeniedException",
    });
    deployment.close();
  });
});
