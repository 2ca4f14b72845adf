// The examples for SAM, Terraform and Serverless deploy examples/fan-out with the settings of the construct. Each setting
// of each resource is compared. A difference fails the test, unless it is listed here with its reason.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import { alarmsOf, judgeTemplate } from "@sluice/rules";
import { Template as Assertions } from "aws-cdk-lib/assertions";
import { root } from "../markdown.ts";
import { differences, type Facts, factsOf, type Template } from "./facts.ts";
import { fanOutStack } from "./fan-out-stack.ts";
import { installTools, lint, samSource, samTemplate, serverlessTemplate, terraformTemplate } from "./tools.ts";

/** Facts that differ on purpose, by their paths, and the reason. */
type Deliberate = readonly (readonly [paths: RegExp, reason: string])[];

interface Deployer {
  readonly name: string;
  readonly template: () => Promise<Template>;
  readonly deliberate: Deliberate;
}

/** What all three examples leave out, or say in another way, than examples/deploy-cdk. */
const deliberateEverywhere: Deliberate = [
  [/^alarm .*\.AlarmActions$/, "the user adds a topic; the example of CDK makes one"],
  [/^table\.(Type|Replicas|PointInTimeRecoverySpecification\.)/, "CDK's TableV2 is a global table with one replica"],
  [/^warehouse\.SqsManagedSseEnabled$/, "the examples say what is the default of SQS"],
];

const byName: Deliberate = [
  [
    /^(stream|retry)Mapping\.FunctionName$/,
    "SAM's transform names the function by its name, which Lambda takes as well",
  ],
];

const deployers: readonly Deployer[] = [
  { name: "SAM", template: samTemplate, deliberate: byName },
  { name: "Terraform", template: terraformTemplate, deliberate: [] },
  { name: "Serverless", template: () => serverlessTemplate(), deliberate: [] },
];

const describeWithTools = await engineOrSkip({ describe, test, afterAll }, installTools);

const construct: Facts = factsOf(Assertions.fromStack(fanOutStack()).toJSON() as unknown as Template);

/** The names of the resources, so that a fact of each can be asked for. */
const roles = [
  ...["function", "role", "logs", "streamMapping", "retryMapping", "retryQueue", "deadLetters", "onFailure", "dedupe"],
  ...["table", "orderEvents", "warehouse"],
];

test("the construct's stack has facts of every resource of the pipeline", () => {
  expect(roles.filter((role) => construct[`${role}.Type`] === undefined)).toEqual([]);
  const paths = Object.keys(construct);
  const names = { function: "f", mapping: "m", destination: "d", "dead-letters": "q", "retry-queue": "r" };
  const alarms = paths.filter((path) => /^alarm .*\.Threshold$/.test(path));
  expect(alarms).toHaveLength(alarmsOf(names).length);
  expect(paths.filter((path) => path.startsWith("rights ")).length).toBeGreaterThan(12);
  expect(paths.filter((path) => path.startsWith("policy ")).length).toBeGreaterThan(6);
});

describeWithTools("the examples of other deployers", () => {
  describe.each(deployers)("$name", ({ template, deliberate }) => {
    let deployed: Template;
    beforeAll(async () => {
      deployed = await template();
    });

    test("has every setting of the construct", () => {
      const found = differences(construct, factsOf(deployed));
      const reasons = [...deliberateEverywhere, ...deliberate];
      const unknown = Object.entries(found).filter(([path]) => !reasons.some(([paths]) => paths.test(path)));
      expect(Object.fromEntries(unknown)).toEqual({});
      const unused = reasons.filter(([paths]) => !Object.keys(found).some((path) => paths.test(path)));
      expect(unused).toEqual([]);
    });

    test("keeps to the rules of the construct", () => {
      expect(judgeTemplate(deployed)).toEqual([]);
    });
  });

  test("SAM's template keeps to the rules before it is expanded, and cfn-lint finds nothing", async () => {
    expect(judgeTemplate(await samSource())).toEqual([]);
    expect(await lint(join(root, "examples/deploy-sam/template.yaml"))).toEqual([]);
  });

  test("cfn-lint finds nothing in the template of Serverless", async () => {
    const values = {
      SUBNET_IDS: "subnet-00000001,subnet-00000002",
      SECURITY_GROUP_ID: "sg-00000001",
      DATABASE_SECRET_ARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf",
      SEARCH_DOMAIN_ARN: "arn:aws:es:eu-west-1:123456789012:domain/shop",
      SEARCH_DOMAIN_ENDPOINT: "shop.eu-west-1.es.amazonaws.com",
    };
    const directory = await mkdtemp(join(tmpdir(), "sluice-deploy-"));
    try {
      const path = join(directory, "template.json");
      await writeFile(path, JSON.stringify(await serverlessTemplate(values)));
      // osls itself adds the dependency on the role.
      const ofOsls = /^W3005 'FunctionRole' dependency already enforced/;
      expect((await lint(path)).filter((finding) => !ofOsls.test(finding))).toEqual([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
