// cdk-nag finds nothing in the workflows that is not acknowledged with a reason, whatever their options.

import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Duration } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AttributeType, type ITable, StreamViewType, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Bucket, type IBucket } from "aws-cdk-lib/aws-s3";
import { ScheduleExpression } from "aws-cdk-lib/aws-scheduler";
import { AwsSolutionsChecks } from "cdk-nag";
import { judgeTemplate } from "../../src/index.ts";
import { pipelineOf, unbundled } from "../support/pipeline.ts";

const orders = join(import.meta.dirname, "../../../../examples/fan-out/src/orders.ts");

const table = (stack: ReturnType<typeof unbundled>): ITable =>
  new TableV2(stack, "Shop", {
    partitionKey: { name: "pk", type: AttributeType.STRING },
    dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  }) as ITable;

test("the workflows have no finding of cdk-nag and of Sluice's rules", () => {
  const stack = unbundled();
  const exports = { bucket: new Bucket(stack, "Exports") as IBucket, prefix: "exports/" };
  const copy = { entry: orders, pipelineExport: "orders" };
  const schedule = ScheduleExpression.rate(Duration.days(7));
  const mail = {
    from: "sluice@example.com",
    to: ["on-call@example.com"],
    identityArn: "arn:aws:ses:eu-west-1:123456789012:identity/example.com",
  };
  pipelineOf(stack, {
    table: table(stack),
    payloads: true,
    dedupe: true,
    alarms: false,
    redrive: { approval: true, mail, mode: "republish", removes: "put-and-delete" },
    backfill: { ...copy, exports },
    verify: { ...copy, schedule, repairs: true },
  });
  const { violations } = new AwsSolutionsChecks(stack).validateScope(stack);
  const found = violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`),
  );
  expect(found.filter((text) => !/ Test\/(Exports|Orders)\//.test(text))).toEqual([]);
  expect(judgeTemplate(Template.fromStack(stack).toJSON())).toEqual([]);
});
