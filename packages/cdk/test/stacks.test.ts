// Pipelines across stacks, nested stacks and networks: what is deployed after what, and no circle.

import { describe, expect, test } from "@jest/globals";
import { openSearchAccess, postgresAccess, SluicePipeline } from "@sluice/cdk";
import { type App, Duration, NestedStack, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Domain, EngineVersion } from "aws-cdk-lib/aws-opensearchservice";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import { circleIn, earlier, idsOf, resourcesOf } from "./support/circles.ts";
import { databaseOf, entry, functionOf, pipelineOf, tableOf, unbundled, vpcOf } from "./support/pipeline.ts";

const withDatabase = (stack: Stack) => {
  const vpc = vpcOf(stack, "Vpc");
  const database = databaseOf(vpc);
  const secret = database.secret as ISecret;
  return { vpc, database, secret };
};

const workflows = { ensure: { entry }, backfill: { entry }, verify: { entry } };

describe("a database", () => {
  test("of the same stack: the function waits for the rule that lets it in", () => {
    const stack = unbundled();
    pipelineOf(stack, { sinks: [postgresAccess(withDatabase(stack))], ...workflows });
    const all = resourcesOf(stack);
    expect(circleIn(stack)).toEqual([]);
    const [fn = ""] = idsOf(all, "AWS::Lambda::Function", /^SyncFunction/);
    const rules = idsOf(all, "AWS::EC2::SecurityGroupIngress", /SyncFunction/);
    expect(rules).toHaveLength(1);
    expect([...earlier(fn, all)]).toEqual(expect.arrayContaining([...rules]));
  });

  test("of another stack: that stack does not depend on the pipeline's", () => {
    const stack = unbundled();
    const targets = new Stack(stack.node.root as App, "Targets", {
      env: { account: stack.account, region: stack.region },
    });
    pipelineOf(stack, { sinks: [postgresAccess(withDatabase(targets))], ...workflows });
    const all = resourcesOf(stack);
    expect(circleIn(stack)).toEqual([]);
    const [fn = ""] = idsOf(all, "AWS::Lambda::Function", /^SyncFunction/);
    const rules = idsOf(all, "AWS::EC2::SecurityGroupIngress", /SyncFunction/);
    expect(rules).toHaveLength(1);
    expect([...earlier(fn, all)]).toEqual(expect.arrayContaining([...rules]));
  });

  test("of the parent of a nested stack", () => {
    const stack = unbundled();
    const sinks = [postgresAccess(withDatabase(stack))];
    const nested = new NestedStack(stack, "Nested");
    new SluicePipeline(nested, "Sync", { table: tableOf(stack), entry, sinks, ...workflows });
    expect(circleIn(stack)).toEqual([]);
    expect(circleIn(nested)).toEqual([]);
  });

  test("behind a proxy, which does not know its port", () => {
    const stack = unbundled();
    const { vpc, database, secret } = withDatabase(stack);
    const proxy = database.addProxy("Proxy", { secrets: [secret], vpc });
    pipelineOf(stack, { sinks: [postgresAccess({ database: proxy, secret, vpc })] });
    Template.fromStack(stack).hasResourceProperties("AWS::EC2::SecurityGroupIngress", {
      FromPort: 5432,
      ToPort: 5432,
      GroupId: { "Fn::GetAtt": [Match.stringLikeRegexp("Proxy"), "GroupId"] },
    });
  });
});

describe("ensure", () => {
  test("runs before the function gets its code, and before both mappings", () => {
    const stack = unbundled();
    pipelineOf(stack, { ensure: { entry } });
    const all = resourcesOf(stack);
    const [trigger = ""] = idsOf(all, "Custom::Trigger", /./);
    const later = [
      ...idsOf(all, "AWS::Lambda::Function", /^SyncFunction/),
      ...idsOf(all, "AWS::Lambda::EventSourceMapping", /./),
    ];
    expect(later).toHaveLength(3);
    for (const id of later) expect([...earlier(id, all)]).toContain(trigger);
  });

  test("does not wait for a target that names the role of the function", () => {
    const stack = unbundled();
    const fn = functionOf(stack, Duration.seconds(60));
    const domain = new Domain(stack, "Domain", { version: EngineVersion.OPENSEARCH_2_19 });
    domain.addAccessPolicies(
      new PolicyStatement({ principals: [fn.grantPrincipal], actions: ["es:*"], resources: ["*"] }),
    );
    pipelineOf(stack, {
      entry: undefined,
      function: fn,
      ensure: { entry },
      sinks: [openSearchAccess({ domain, index: "orders" })],
    });
    expect(circleIn(stack)).toEqual([]);
  });
});
