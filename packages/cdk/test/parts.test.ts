// Each part of a pipeline is usable alone.

import { expect, test } from "@jest/globals";
import {
  DeadLetters,
  DedupeTable,
  OnFailureBucket,
  PayloadBucket,
  PipelineFunction,
  Retries,
  StreamConsumer,
  sourceOfTable,
} from "@sluice/cdk";
import { Duration, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Code } from "aws-cdk-lib/aws-lambda";
import { OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { bundlingOf } from "../src/function/bundling.ts";
import { functionOf, tableOf, unbundled } from "./support/pipeline.ts";
import { policyOf } from "./support/policy.ts";

test("queues, table and bucket grant what a function of one's own needs of them", () => {
  const stack = unbundled();
  const fn = functionOf(stack);
  const deadLetters = new DeadLetters(stack, "DeadLetters");
  deadLetters.grantSend(fn);
  new Retries(stack, "Retry", { target: fn, timeout: Duration.seconds(3), fifo: true });
  new DedupeTable(stack, "Dedupe").grantUse(fn, ["on-failure", "retry"]);
  const bucket = new OnFailureBucket(stack, "OnFailure");
  bucket.grantRedrive(fn);
  new PayloadBucket(stack, "Payloads").grantUse(fn);
  const template = Template.fromStack(stack);
  expect(policyOf(template)).toEqual({
    DeadLetters: ["sqs:SendMessage"],
    Retry: [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ],
    Dedupe: [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ],
    OnFailure: ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket"],
    Payloads: ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
  });
  template.hasResourceProperties("AWS::SQS::Queue", { FifoQueue: true, VisibilityTimeout: 18 });
});

test("a consumer without a destination retries without limit", () => {
  const stack = unbundled();
  new StreamConsumer(stack, "Stream", { source: sourceOfTable(tableOf(stack)), target: functionOf(stack) });
  const template = Template.fromStack(stack);
  template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
    MaximumRecordAgeInSeconds: -1,
    MaximumRetryAttempts: -1,
    DestinationConfig: Match.absent(),
  });
  expect(policyOf(template)).toEqual({
    Orders: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
  });
});

test("the bucket of failed batches accepts writes of its own account only", () => {
  const stack = unbundled();
  const fn = functionOf(stack);
  new OnFailureBucket(stack, "OnFailure").grantWrite(fn);
  const [policy] = Object.values(Template.fromStack(stack).findResources("AWS::IAM::Policy"));
  const Condition = { StringEquals: { "s3:ResourceAccount": Stack.of(fn).account } };
  const write = expect.objectContaining({ Action: "s3:PutObject", Condition });
  const list = expect.objectContaining({ Action: "s3:ListBucket", Condition });
  expect(policy?.Properties.PolicyDocument.Statement).toEqual([write, list]);
});

test("a function of code that is bundled already", () => {
  const stack = unbundled();
  const code = Code.fromInline("exports.handler = async () => {};");
  const fn = new PipelineFunction(stack, "Function", { code, environment: { A: "1" } });
  Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
    Handler: "index.handler",
    Environment: { Variables: { A: "1" } },
  });
  expect(fn.target).toBe(fn.function);
});

test("the bundle follows the settings of docs/bundle-size.md, and each can be replaced", () => {
  expect(bundlingOf()).toEqual({
    format: OutputFormat.CJS,
    minify: true,
    sourceMap: true,
    sourcesContent: false,
    mainFields: ["module", "main"],
    bundleAwsSDK: true,
    externalModules: [],
  });
  const esm = bundlingOf({ format: OutputFormat.ESM, externalModules: ["@aws-sdk/*"], more: { keepNames: true } });
  expect(esm).toMatchObject({ banner: expect.stringContaining("createRequire"), bundleAwsSDK: false, keepNames: true });
});
