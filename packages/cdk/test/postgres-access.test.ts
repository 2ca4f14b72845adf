// How a function reaches a database: the rule of the security group, its stack, and the order of the deployment.

import { describe, expect, test } from "@jest/globals";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type SecurityGroup as Group, type IVpc, SecurityGroup, Vpc } from "aws-cdk-lib/aws-ec2";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { DatabaseInstance, DatabaseInstanceEngine, PostgresEngineVersion } from "aws-cdk-lib/aws-rds";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { DeployError, PipelineFunction, type PostgresAccessOptions, postgresAccess } from "../src/index.ts";
import { entry } from "./support/pipeline.ts";
import "./support/stack.ts";

const env = { account: "123456789012", region: "eu-west-1" };

interface Parts {
  readonly app: App;
  readonly data: Stack;
  readonly vpc: IVpc;
  readonly instance: DatabaseInstance;
}

const databaseIn = (port?: number): Parts => {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  const data = new Stack(app, "Data", { env });
  const vpc = new Vpc(data, "Vpc", { natGateways: 1 });
  const engine = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_16 });
  return { app, data, vpc, instance: new DatabaseInstance(data, "Instance", { engine, vpc, port }) };
};

const options = (
  { instance, vpc }: Parts,
  isProxy: boolean,
  more: Partial<PostgresAccessOptions> = {},
): PostgresAccessOptions => {
  const secret = instance.secret as NonNullable<typeof instance.secret>;
  const database = isProxy ? instance.addProxy("Proxy", { vpc, secrets: [secret] }) : instance;
  return { database, secret, vpc, ...more };
};

const ownFunction = (stack: Stack, vpc: IVpc | undefined, groups?: readonly Group[]): LambdaFunction =>
  new LambdaFunction(stack, "Own", {
    runtime: Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: Code.fromInline("0"),
    vpc,
    securityGroups: groups && [...groups],
  });

const functions: Readonly<Record<string, (stack: Stack, parts: Parts) => LambdaFunction>> = {
  "an own function": (stack, { vpc }) => ownFunction(stack, vpc),
  "an own function with security groups of its stack": (stack, { vpc }) =>
    ownFunction(stack, vpc, [new SecurityGroup(stack, "Group", { vpc })]),
  "an own function with security groups that allow no traffic": (stack, { vpc }) =>
    ownFunction(stack, vpc, [new SecurityGroup(stack, "Group", { vpc, allowAllOutbound: false })]),
  "an own function with security groups of the database's stack": (stack, { vpc, data }) =>
    ownFunction(stack, vpc, [new SecurityGroup(data, "Group", { vpc })]),
  "the construct's function": (stack, { vpc }) =>
    new PipelineFunction(stack, "Made", { entry, network: { vpc } }).function,
  "the construct's function with security groups": (stack, { vpc }) =>
    new PipelineFunction(stack, "Made", {
      entry,
      network: { vpc, securityGroups: [new SecurityGroup(stack, "Group", { vpc })] },
    }).function,
};

interface Resource {
  readonly Type: string;
  readonly DependsOn?: readonly string[];
  readonly Properties: Readonly<Record<string, unknown>>;
}

const resourcesOf = (stack: Stack): readonly (readonly [string, Resource])[] =>
  Object.entries(Template.fromStack(stack).toJSON().Resources as Record<string, Resource>);

const rulesOf = (stack: Stack) =>
  resourcesOf(stack).filter(([, { Type }]) => /^AWS::EC2::SecurityGroup(In|E)gress$/.test(Type));

/** The rules into the database from the function, as the two kinds of database name them. */
const ingress = (stack: Stack) =>
  rulesOf(stack).filter(
    ([, { Type, Properties }]) => Type.endsWith("Ingress") && String(Properties.Description).startsWith("Sluice"),
  );

const functionOf = (stack: Stack): Resource =>
  resourcesOf(stack).find(
    ([name, { Type }]) => Type === "AWS::Lambda::Function" && /^(Own|Made)/.test(name),
  )?.[1] as Resource;

describe.each([
  ["an instance", false],
  ["a proxy", true],
] as const)("%s", (_, isProxy) => {
  describe.each(Object.entries(functions))("is opened for %s", (name, make) => {
    test("in the same stack, and the function waits for the rule", () => {
      const parts = databaseIn();
      const target = make(parts.data, parts);
      postgresAccess(options(parts, isProxy)).grant(target, "write");
      const rules = ingress(parts.data);
      expect(rules).toHaveLength(1);
      expect(functionOf(parts.data).DependsOn).toEqual(expect.arrayContaining(rules.map(([id]) => id)));
    });

    test("in another stack, without a cycle", () => {
      const parts = databaseIn();
      const stack = new Stack(parts.app, "Code", { env });
      const target = make(stack, parts);
      postgresAccess(options(parts, isProxy)).grant(target, "write");
      parts.app.synth();
      const owner = name.includes("of the database's stack") ? parts.data : stack;
      const rules = ingress(owner);
      expect(rules).toHaveLength(1);
      expect(ingress(owner === stack ? parts.data : stack)).toEqual([]);
      if (owner === stack) {
        expect(functionOf(stack).DependsOn).toEqual(expect.arrayContaining(rules.map(([id]) => id)));
      }
      expect(stack.dependencies).toContain(parts.data);
    });
  });

  test("gives two functions with one security group one rule, and both wait for the rule", () => {
    const parts = databaseIn();
    const group = new SecurityGroup(parts.data, "Group", { vpc: parts.vpc });
    const access = postgresAccess(options(parts, isProxy));
    const one = ownFunction(parts.data, parts.vpc, [group]);
    const two = new PipelineFunction(parts.data, "Made", {
      entry,
      network: { vpc: parts.vpc, securityGroups: [group] },
    });
    for (const target of [one, two.function]) access.grant(target, "write");
    access.grant(one, "compare");
    const [[rule = ""] = []] = ingress(parts.data);
    expect(ingress(parts.data)).toHaveLength(1);
    const functions = resourcesOf(parts.data).filter(([id]) => /^(Own|MadeFunction)[0-9A-F]{8}$/.test(id));
    expect(functions).toHaveLength(2);
    for (const [, { DependsOn }] of functions) expect(DependsOn).toContain(rule);
  });
});

describe("the port", () => {
  const portOf = (isProxy: boolean, port?: number): unknown => {
    const parts = databaseIn(5433);
    const access = postgresAccess(options(parts, isProxy, { port }));
    access.grant(ownFunction(parts.data, parts.vpc), "write");
    return ingress(parts.data)[0]?.[1].Properties.FromPort;
  };

  test("is that of the instance", () => {
    expect(JSON.stringify(portOf(false))).toContain("Endpoint.Port");
  });

  test("of a proxy is 5432", () => {
    expect(portOf(true)).toBe(5432);
  });

  test("can be given", () => {
    expect([portOf(false, 6000), portOf(true, 6000)]).toEqual([6000, 6000]);
  });
});

describe("postgresAccess", () => {
  const codeOf = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      if (error instanceof DeployError) return error.code;
      throw error;
    }
    return "no error";
  };

  test("refuses a function without a VPC, and says what to do", () => {
    const parts = databaseIn();
    const access = postgresAccess(options(parts, false));
    const target = ownFunction(parts.data, undefined);
    expect(codeOf(() => access.grant(target, "write"))).toBe("FUNCTION_NOT_IN_VPC");
    expect(() => access.grant(target, "write")).toThrow(/Data\/Own is in no VPC.*Set vpc of postgresAccess/);
  });

  test("accepts a function without a VPC, if there is no database to open", () => {
    const parts = databaseIn();
    const target = ownFunction(parts.data, undefined);
    const { secret } = options(parts, false);
    expect(codeOf(() => postgresAccess({ secret }).grant(target, "write"))).toBe("no error");
  });

  test("wants exactly one of a secret and IAM", () => {
    const stack = new Stack(new App(), "Test", { env });
    const secret = new Secret(stack, "Secret");
    const iam = { database: { grantConnect: () => undefined }, user: "sluice" };
    expect(codeOf(() => postgresAccess({}))).toBe("POSTGRES_CREDENTIALS");
    expect(codeOf(() => postgresAccess({ secret, iam }))).toBe("POSTGRES_CREDENTIALS");
    expect(codeOf(() => postgresAccess({ secret, iam: undefined }))).toBe("no error");
    expect(codeOf(() => postgresAccess({ secret: undefined, iam }))).toBe("no error");
  });
});
