// What services other than the function need: rights in the policies of keys and topics, without which they fail silently.

import { describe, expect, test } from "@jest/globals";
import { judgeTemplate, openSearchAccess, SluicePipeline, StreamConsumer, sourceOfStream } from "@sluice/cdk";
import { Duration, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { AnyPrincipal, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Domain } from "aws-cdk-lib/aws-opensearchservice";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Topic } from "aws-cdk-lib/aws-sns";
import { entry, functionOf, pipelineOf, tableOf, unbundled } from "./support/pipeline.ts";

const statement = (service: string, action: unknown) =>
  Match.objectLike({ Effect: "Allow", Principal: { Service: service }, Action: action });

const stackEnv = ({ account, region }: Stack) => ({ account, region });

const publishes = (statements: readonly object[]) => ({
  PolicyDocument: { Statement: Match.arrayWith(statements.map((one) => Match.objectLike(one))) },
});

const alarmsPublish = {
  Action: "sns:Publish",
  Effect: "Allow",
  Principal: { Service: "cloudwatch.amazonaws.com" },
  Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } },
};

describe("alarms", () => {
  test("may publish to a topic that refuses requests without TLS, and to one with a policy that is made later", () => {
    const stack = unbundled();
    const [strict, later] = [new Topic(stack, "Strict", { enforceSSL: true }), new Topic(stack, "Later")];
    pipelineOf(stack, { alarms: { actions: [strict, later] } });
    later.addToResourcePolicy(
      new PolicyStatement({ principals: [new AnyPrincipal()], actions: ["sns:Subscribe"], resources: ["*"] }),
    );
    const policies = Object.values(
      Template.fromStack(stack).findResources("AWS::SNS::TopicPolicy", {
        Properties: publishes([alarmsPublish]),
      }),
    );
    expect(policies).toHaveLength(2);
  });

  test("leave a topic without a policy its default, which lets all alarms of the account publish", () => {
    const stack = unbundled();
    pipelineOf(stack, { alarms: { actions: [new Topic(stack, "Topic")] } });
    Template.fromStack(stack).resourceCountIs("AWS::SNS::TopicPolicy", 0);
  });

  test("of two pipelines share a topic", () => {
    const stack = unbundled();
    const topic = new Topic(stack, "Strict", { enforceSSL: true });
    pipelineOf(stack, { alarms: { actions: [topic] } });
    new SluicePipeline(stack, "Second", {
      table: tableOf(new Stack(stack, "More", { env: stackEnv(stack) })),
      entry,
      sinks: [],
      alarms: { actions: [topic] },
    });
    const [policy] = Object.values(Template.fromStack(stack).findResources("AWS::SNS::TopicPolicy"));
    const sids = policy?.Properties.PolicyDocument.Statement.map(({ Sid }: { readonly Sid: string }) => Sid);
    expect(new Set(sids).size).toBe(sids.length);
  });

  test("may use the key of a topic", () => {
    const stack = unbundled();
    const masterKey = new Key(stack, "Key");
    pipelineOf(stack, { alarms: { actions: [new Topic(stack, "Topic", { masterKey })] } });
    Template.fromStack(stack).hasResourceProperties("AWS::KMS::Key", {
      KeyPolicy: {
        Statement: Match.arrayWith([statement("cloudwatch.amazonaws.com", ["kms:Decrypt", "kms:GenerateDataKey*"])]),
      },
    });
  });
});

describe("keys", () => {
  test("of the log group and of the filters let the services use them", () => {
    const stack = unbundled();
    const [logs, filters] = [new Key(stack, "LogKey"), new Key(stack, "FilterKey")];
    pipelineOf(stack, {
      functionOptions: { logEncryptionKey: logs },
      mapping: { filters: [{ eventName: ["REMOVE"] }], filterEncryption: filters },
      ensure: { entry },
    });
    const template = Template.fromStack(stack);
    for (const one of [
      statement("logs.eu-west-1.amazonaws.com", Match.arrayWith(["kms:Encrypt*", "kms:Decrypt*"])),
      statement("lambda.amazonaws.com", "kms:Decrypt"),
    ]) {
      template.hasResourceProperties("AWS::KMS::Key", { KeyPolicy: { Statement: Match.arrayWith([one]) } });
    }
  });
});

test("OpenSearch's requests are signed for the region of the domain, and the user's own variable conflicts", () => {
  const stack = unbundled();
  const domain = Domain.fromDomainAttributes(stack, "Domain", {
    domainArn: "arn:aws:es:us-east-1:123456789012:domain/orders",
    domainEndpoint: "https://orders.us-east-1.es.amazonaws.com",
  });
  const collection = {
    collectionArn: "arn:aws:aoss:eu-central-1:123456789012:collection/abc",
    collectionEndpoint: "https://abc.eu-central-1.aoss.amazonaws.com",
  };
  const variables = { nodeVariable: "COLLECTION_NODE", regionVariable: "COLLECTION_REGION" };
  const sinks = [
    openSearchAccess({ domain, index: "orders" }),
    openSearchAccess({ domain: collection, index: "orders", ...variables }),
  ];
  pipelineOf(stack, { sinks });
  Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
    Environment: { Variables: { OPENSEARCH_REGION: "us-east-1", COLLECTION_REGION: "eu-central-1" } },
  });
  expect(() => pipelineOf(unbundled(), { sinks, environment: { OPENSEARCH_REGION: "eu-west-1" } })).toThrow(
    "VARIABLE_CONFLICT",
  );
});

test("the plan of a backfill asks for the mapping of the alias, if there is one", () => {
  const stack = unbundled();
  pipelineOf(stack, { functionOptions: { provisionedConcurrency: 1 }, backfill: { entry } });
  Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
    Environment: { Variables: { SLUICE_PIPELINE_FUNCTION: { Ref: Match.stringLikeRegexp("Live") } } },
  });
});

test("the rules accept what the options accept", () => {
  const stack = unbundled();
  new StreamConsumer(stack, "Stream", {
    source: sourceOfStream({ streamArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/1" }),
    target: functionOf(stack, Duration.seconds(9)),
    startingPosition: "LATEST",
    latestBecause: "the table was empty",
    bisectBatchOnError: false,
    filters: [{ eventName: ["INSERT"] }],
    filtersDropRemovals: true,
  });
  expect(judgeTemplate(Template.fromStack(stack).toJSON()).map(({ code }) => code)).toEqual([]);
});

test("a secret that is imported by its name has a suffix in its ARN, also that of the approval", () => {
  const stack = unbundled();
  const secret = Secret.fromSecretNameV2(stack, "Imported", "links");
  pipelineOf(stack, { redrive: { topic: new Topic(stack, "Topic"), approval: { secret } } });
  const text = JSON.stringify(Template.fromStack(stack).findResources("AWS::IAM::Policy"));
  expect(text.match(/secret:links-\?\?\?\?\?\?/g)).toHaveLength(2);
});
