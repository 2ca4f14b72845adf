// The rights that the constructs give are those that the READMEs list: neither fewer nor more.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "@jest/globals";
import type { Stack } from "aws-cdk-lib";
import { AttributeType, Table } from "aws-cdk-lib/aws-dynamodb";
import { Vpc } from "aws-cdk-lib/aws-ec2";
import { EventBus } from "aws-cdk-lib/aws-events";
import { Key } from "aws-cdk-lib/aws-kms";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { Domain } from "aws-cdk-lib/aws-opensearchservice";
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} from "aws-cdk-lib/aws-rds";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { EmailIdentity, Identity } from "aws-cdk-lib/aws-ses";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import {
  DedupeTable,
  emailAccess,
  eventBusAccess,
  openSearchAccess,
  postgresAccess,
  type SinkAccess,
  type SinkUse,
  snsAccess,
  sqsAccess,
  tableAccess,
  webhookAccess,
} from "../src/index.ts";
import { templateOf, testStack } from "./support/stack.ts";

interface Row {
  readonly use: string;
  readonly actions: readonly string[];
  readonly on: string;
}

/** The rows of the table of permissions in a package's README. */
const rowsOf = (folder: string): readonly Row[] => {
  const lines = readFileSync(`packages/${folder}/README.md`, "utf8").split("\n");
  const start = lines.findIndex((line) => /^\| use \| actions \|/.test(line));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines.slice(start + 2, end).map((line) => {
    const [use = "", actions = "", on = ""] = line
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    return { use: use.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"), actions: codesIn(actions), on };
  });
};

const codesIn = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

const listed = (folder: string, accepts: (use: string) => boolean): readonly string[] =>
  [
    ...new Set(
      rowsOf(folder)
        .filter(({ use }) => accepts(use))
        .flatMap(({ actions }) => actions),
    ),
  ].sort();

const functionIn = (stack: Stack, id: string): LambdaFunction =>
  new LambdaFunction(stack, id, { runtime: Runtime.NODEJS_24_X, handler: "index.handler", code: Code.fromInline("0") });

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** The statements of the policy of a function's role. */
const statementsOf = (stack: Stack, id: string): readonly Statement[] =>
  Object.entries(templateOf(stack).findResources("AWS::IAM::Policy"))
    .filter(([name]) => name.startsWith(`${id}ServiceRole`))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);

const actionsOf = (statements: readonly Statement[]): readonly string[] =>
  [...new Set(statements.flatMap(({ Action }) => Action))].sort();

describe("rights", () => {
  const stack = testStack();
  const accesses: [string, string, SinkAccess, RegExp | undefined][] = [];
  const uses: readonly SinkUse[] = ["write", "compare", "ensure"];

  beforeAll(() => {
    const vpc = new Vpc(stack, "Vpc");
    const key = new Key(stack, "Key");
    const database = new DatabaseCluster(stack, "Database", {
      engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_6 }),
      writer: ClusterInstance.serverlessV2("writer"),
      vpc,
      storageEncryptionKey: key,
      iamAuthentication: true,
    });
    const secret = new Secret(stack, "Secret", { encryptionKey: key });
    const partitionKey = { name: "id", type: AttributeType.STRING };
    const domain = new Domain(stack, "Domain", { version: { version: "OpenSearch_2.19" } as never });
    accesses.push(
      ["sink-postgres", "Secret", postgresAccess({ secret }), /secret/],
      ["sink-postgres", "Iam", postgresAccess({ iam: { database, user: "sluice" } }), /IAM/],
      ["sink-opensearch", "OpenSearch", openSearchAccess({ domain, index: "orders" }), undefined],
      ["sink-sns", "Sns", snsAccess({ topic: new Topic(stack, "Topic") }), /^write$/],
      ["sink-sns", "SnsKey", snsAccess({ topic: new Topic(stack, "KeyTopic", { masterKey: key }) }), undefined],
      ["sink-sqs", "Sqs", sqsAccess({ queue: new Queue(stack, "Queue") }), /^write$/],
      [
        "sink-sqs",
        "SqsKey",
        sqsAccess({ queue: new Queue(stack, "KeyQueue", { encryptionMasterKey: key }) }),
        undefined,
      ],
      ["sink-eventbridge", "Bus", eventBusAccess({ eventBus: new EventBus(stack, "EventBus") }), undefined],
      [
        "sink-email",
        "Ses",
        emailAccess({ identity: new EmailIdentity(stack, "Identity", { identity: Identity.domain("example.com") }) }),
        /SES/,
      ],
      ["sink-email", "Smtp", emailAccess({}), /SMTP/],
      ["sink-webhook", "Webhook", webhookAccess(), undefined],
      [
        "sink-dynamodb",
        "Table",
        tableAccess({ table: new Table(stack, "Target", { partitionKey }) }),
        /^(write|compare|ensure)$/,
      ],
      [
        "sink-dynamodb",
        "Shared",
        tableAccess({ table: new Table(stack, "SharedTarget", { partitionKey }), sharesKeys: true }),
        /^(write|compare|ensure$)/,
      ],
    );
    for (const [, id, access] of accesses) {
      for (const use of uses) access.grant(functionIn(stack, `${id}${use}`), use);
    }
    new DedupeTable(stack, "Dedupe").grantUse(functionIn(stack, "DedupeUser"), ["on-failure", "always", "retry"]);
  });

  test("of each sink and each use are the actions that its README lists", () => {
    for (const [folder, id, , only] of accesses) {
      for (const use of uses) {
        const expected = listed(folder, (text) => text.includes(use) && (only === undefined || only.test(text)));
        expect({ folder, id, use, actions: actionsOf(statementsOf(stack, `${id}${use}`)) }).toEqual({
          folder,
          id,
          use,
          actions: expected.filter((action) => action.includes(":")),
        });
      }
    }
    expect.assertions(accesses.length * uses.length);
  });

  test("name the target, and never every resource", () => {
    for (const [, id] of accesses) {
      for (const use of uses) {
        for (const { Resource } of statementsOf(stack, `${id}${use}`)) expect(JSON.stringify(Resource)).not.toBe('"*"');
      }
    }
  });

  test("of OpenSearch name the paths that the README lists", () => {
    for (const { use, on } of rowsOf("sink-opensearch")) {
      const paths = statementsOf(stack, `OpenSearch${use}`).flatMap(({ Resource }) =>
        (Resource as { readonly "Fn::Join": [string, unknown[]] }[]).map((arn) =>
          String(arn["Fn::Join"][1].at(-1)).slice(1),
        ),
      );
      expect(paths).toEqual(codesIn(on).map((path) => path.replace("<index>", "orders")));
    }
  });

  test("of the dedupe table are the actions of all rows of its README", () => {
    expect(actionsOf(statementsOf(stack, "DedupeUser"))).toEqual(
      listed("dedupe-dynamodb", () => true).filter((action) => action.includes(":")),
    );
  });
});
