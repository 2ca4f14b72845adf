// The accesses give exactly the rights that the READMEs list: each action, on each resource, for each use.

import { describe, expect, test } from "@jest/globals";
import { Duration, type Stack } from "aws-cdk-lib";
import { Match } from "aws-cdk-lib/assertions";
import { AttributeType, StreamViewType, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { EventBus } from "aws-cdk-lib/aws-events";
import { Key } from "aws-cdk-lib/aws-kms";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { Domain, EngineVersion } from "aws-cdk-lib/aws-opensearchservice";
import { DatabaseProxy } from "aws-cdk-lib/aws-rds";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { ConfigurationSet, EmailIdentity, Identity } from "aws-cdk-lib/aws-ses";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { type PermissionRow, permissionRows } from "../../../test/permission-rows.ts";
import {
  DedupeTable,
  type DedupeUse,
  emailAccess,
  eventBusAccess,
  OnFailureBucket,
  openSearchAccess,
  PayloadBucket,
  postgresAccess,
  type SinkAccess,
  type SinkUse,
  SluicePipeline,
  snsAccess,
  sqsAccess,
  tableAccess,
  webhookAccess,
} from "../src/index.ts";
import { templateOf, testStack } from "./support/stack.ts";

type Resources = Readonly<Record<string, string>>;
type Uses = Partial<Record<SinkUse, readonly string[]>>;

/** An access, the rows of the README that it follows, and the resources that the rows name. */
interface Case {
  readonly folder: string;
  readonly access: SinkAccess;
  readonly uses: Uses;
  readonly on: Resources;
  readonly variables: Readonly<Record<string, string>>;
}

const functionIn = (stack: Stack, id: string): LambdaFunction =>
  new LambdaFunction(stack, id, {
    runtime: Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: Code.fromInline("0"),
    timeout: Duration.minutes(1),
  });

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const statementsOf = (stack: Stack, id: string): readonly Statement[] =>
  Object.entries(templateOf(stack).findResources("AWS::IAM::Policy"))
    .filter(([name]) => name.startsWith(`${id}ServiceRole`))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);

/** Each action of the policy of a function's role, with its resource. */
const grantedTo = (stack: Stack, id: string): readonly string[] =>
  [
    ...new Set(
      statementsOf(stack, id).flatMap(({ Action, Resource }) =>
        [Action].flat().flatMap((action) => [Resource].flat().map((arn) => `${action} ${JSON.stringify(arn)}`)),
      ),
    ),
  ].sort();

/** Each action of these rows, with its resource. Throws for a name that no resource has. */
const listedIn = (stack: Stack, rows: readonly PermissionRow[], on: Resources): readonly string[] =>
  [
    ...new Set(
      rows.flatMap(({ actions, on: names }) =>
        actions.flatMap((action) =>
          names.map((name) => {
            const arn = on[name];
            if (arn === undefined) throw new Error(`no resource is called "${name}"`);
            return `${action} ${JSON.stringify(stack.resolve(arn))}`;
          }),
        ),
      ),
    ),
  ].sort();

const rowsOf = (folder: string, uses: readonly string[]): readonly PermissionRow[] => {
  const rows = permissionRows(folder);
  const missing = uses.filter((use) => !rows.some((row) => row.use === use));
  if (missing.length > 0) throw new Error(`packages/${folder}/README.md has no row "${missing.join('", "')}"`);
  return rows.filter((row) => uses.includes(row.use));
};

const allUses: readonly SinkUse[] = ["write", "compare", "ensure"];
const partitionKey = { name: "id", type: AttributeType.STRING };

const casesIn = (stack: Stack): Readonly<Record<string, Case>> => {
  const key = new Key(stack, "Key");
  const keyed = { "the key": key.keyArn };
  const secret = new Secret(stack, "PlainSecret");
  const keySecret = new Secret(stack, "KeySecret", { encryptionKey: key });
  const imported = Secret.fromSecretNameV2(stack, "ImportedSecret", "orders");
  const topics = [new Topic(stack, "Topic"), new Topic(stack, "KeyTopic", { masterKey: key })] as const;
  const queues = [new Queue(stack, "Queue"), new Queue(stack, "KeyQueue", { encryptionMasterKey: key })] as const;
  const tables = [
    new Table(stack, "Copies", { partitionKey }),
    new Table(stack, "KeyCopies", { partitionKey, encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key }),
  ] as const;
  const eventBus = new EventBus(stack, "EventBus");
  const domain = new Domain(stack, "Domain", { version: EngineVersion.OPENSEARCH_2_19 });
  const identity = new EmailIdentity(stack, "Identity", { identity: Identity.domain("example.com") });
  const configurationSet = new ConfigurationSet(stack, "Mails");
  const proxy = DatabaseProxy.fromDatabaseProxyAttributes(stack, "Proxy", {
    dbProxyName: "orders",
    dbProxyArn: "arn:aws:rds:eu-west-1:123456789012:db-proxy:prx-1",
    endpoint: "proxy.example.com",
    securityGroups: [],
  });
  const certificates = { NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem" };
  const paths = permissionRows("sink-opensearch").flatMap(({ on }) => on);
  const set = `arn:${stack.partition}:ses:${stack.region}:${stack.account}:configuration-set/${configurationSet.configurationSetName}`;
  const addresses = { "the sending identity": identity.emailIdentityArn, "the configuration set": set };
  const same = (...rows: readonly string[]): Uses => ({ write: rows, compare: rows, ensure: rows });
  const [withSecret, withKey, withIam] = [
    "write, compare and ensure, with a secret",
    "write, compare and ensure, with a secret that has a key of your own",
    "write, compare and ensure, with IAM",
  ];
  const compare = "write and compare, if the target has a key of your own";
  const shared = "write, if several items can have one target key";
  const ofSecret = (arn: string) => ({ "the secret": arn, ...keyed });
  return {
    PostgresSecret: {
      folder: "sink-postgres",
      access: postgresAccess({ secret }),
      uses: same(withSecret),
      on: ofSecret(secret.secretArn),
      variables: { DATABASE_SECRET_ARN: secret.secretArn, ...certificates },
    },
    PostgresKey: {
      folder: "sink-postgres",
      access: postgresAccess({ secret: keySecret, usesRdsAuthority: false, secretVariable: "OTHER" }),
      uses: same(withSecret, withKey),
      on: ofSecret(keySecret.secretArn),
      variables: { OTHER: keySecret.secretArn },
    },
    PostgresImported: {
      folder: "sink-postgres",
      access: postgresAccess({ secret: imported, environment: { PGDATABASE: "orders" } }),
      uses: same(withSecret),
      on: ofSecret(`${imported.secretArn}-??????`),
      variables: { DATABASE_SECRET_ARN: imported.secretArn, PGDATABASE: "orders", ...certificates },
    },
    PostgresIam: {
      folder: "sink-postgres",
      access: postgresAccess({ iam: { database: proxy, user: "sluice" }, usesRdsAuthority: false }),
      uses: same(withIam),
      on: {
        "the user of the database: …:dbuser:<resource id>/<user>": `arn:${stack.partition}:rds-db:eu-west-1:123456789012:dbuser:prx-1/sluice`,
      },
      variables: {},
    },
    OpenSearch: {
      folder: "sink-opensearch",
      access: openSearchAccess({ domain, index: "orders" }),
      uses: { write: ["write"], compare: ["compare"], ensure: ["ensure"] },
      on: Object.fromEntries(
        paths.map((path) => [path, `${domain.domainArn}/${path.replaceAll("<index>", "orders")}`]),
      ),
      variables: { OPENSEARCH_NODE: `https://${domain.domainEndpoint}`, OPENSEARCH_REGION: "eu-west-1" },
    },
    Sns: {
      folder: "sink-sns",
      access: snsAccess({ topic: topics[0] }),
      uses: { write: ["write"] },
      on: { "the topic": topics[0].topicArn },
      variables: { TOPIC_ARN: topics[0].topicArn },
    },
    SnsKey: {
      folder: "sink-sns",
      access: snsAccess({ topic: topics[1], variable: "OTHER" }),
      uses: { write: ["write", "write, if the topic has a key of your own"] },
      on: { "the topic": topics[1].topicArn, ...keyed },
      variables: { OTHER: topics[1].topicArn },
    },
    Sqs: {
      folder: "sink-sqs",
      access: sqsAccess({ queue: queues[0] }),
      uses: { write: ["write"] },
      on: { "the queue": queues[0].queueArn },
      variables: { QUEUE_URL: queues[0].queueUrl },
    },
    SqsKey: {
      folder: "sink-sqs",
      access: sqsAccess({ queue: queues[1], variable: "OTHER" }),
      uses: { write: ["write", "write, if the queue has a key of your own"] },
      on: { "the queue": queues[1].queueArn, ...keyed },
      variables: { OTHER: queues[1].queueUrl },
    },
    Bus: {
      folder: "sink-eventbridge",
      access: eventBusAccess({ eventBus }),
      uses: { write: ["write"] },
      on: { "the bus": eventBus.eventBusArn },
      variables: { EVENT_BUS: eventBus.eventBusArn },
    },
    Ses: {
      folder: "sink-email",
      access: emailAccess({ identity }),
      uses: { write: ["write, with SES"] },
      on: addresses,
      variables: {},
    },
    MailSet: {
      folder: "sink-email",
      access: emailAccess({ identity, configurationSet, from: ["orders@example.com", "*@shop.example.com"] }),
      uses: { write: ["write, with SES", "write, with SES and a configuration set"] },
      on: addresses,
      variables: {},
    },
    Smtp: {
      folder: "sink-email",
      access: emailAccess({ secret, environment: { SMTP_HOST: "smtp.example.com" } }),
      uses: { write: ["write, with SMTP", "write, with SMTP and a secret"] },
      on: ofSecret(secret.secretArn),
      variables: { MAIL_SECRET_ARN: secret.secretArn, SMTP_HOST: "smtp.example.com" },
    },
    MailKey: {
      folder: "sink-email",
      access: emailAccess({ secret: keySecret }),
      uses: { write: ["write, with SMTP and a secret", "write, with SMTP and a secret that has a key of your own"] },
      on: ofSecret(keySecret.secretArn),
      variables: { MAIL_SECRET_ARN: keySecret.secretArn },
    },
    Webhook: { folder: "sink-webhook", access: webhookAccess(), uses: { write: ["write"] }, on: {}, variables: {} },
    HookKey: {
      folder: "sink-webhook",
      access: webhookAccess({ secret: keySecret }),
      uses: { write: ["write, with a secret", "write, with a secret that has a key of your own"] },
      on: ofSecret(keySecret.secretArn),
      variables: { WEBHOOK_SECRET_ARN: keySecret.secretArn },
    },
    Table: {
      folder: "sink-dynamodb",
      access: tableAccess({ table: tables[0] }),
      uses: { write: ["write"], compare: ["compare"], ensure: ["ensure"] },
      on: { "the target": tables[0].tableArn },
      variables: { TARGET_TABLE: tables[0].tableArn },
    },
    SharedKey: {
      folder: "sink-dynamodb",
      access: tableAccess({ table: tables[1], sharesKeys: true, variable: "OTHER" }),
      uses: { write: ["write", shared, compare], compare: ["compare", compare], ensure: ["ensure"] },
      on: { "the target": tables[1].tableArn, ...keyed },
      variables: { OTHER: tables[1].tableArn },
    },
  };
};

describe("rights", () => {
  const stack = testStack();
  const cases = casesIn(stack);
  for (const [id, { access }] of Object.entries(cases)) {
    for (const use of allUses) access.grant(functionIn(stack, `${id}${use}`), use);
  }
  const dedupe = new DedupeTable(stack, "Dedupe", { encryptionKey: new Key(stack, "DedupeKey") });
  const dedupeUses: Readonly<Record<DedupeUse, string>> = {
    "on-failure": "routes with `on-failure`",
    always: "routes with `always`",
    retry: "routes with a retry queue",
  };
  for (const use of Object.keys(dedupeUses) as DedupeUse[]) dedupe.grantUse(functionIn(stack, `Dedupe${use}`), [use]);

  test.each(Object.keys(cases))("of %s are those of its README, for each use", (id) => {
    const { folder, uses, on } = cases[id] as Case;
    for (const use of allUses) {
      const listed = listedIn(stack, rowsOf(folder, uses[use] ?? []), on);
      expect({ use, rights: grantedTo(stack, `${id}${use}`) }).toEqual({ use, rights: listed });
    }
  });

  test.each(Object.keys(cases))("come with the variables of %s", (id) => {
    const { access, variables } = cases[id] as Case;
    expect(stack.resolve(access.environment)).toEqual(stack.resolve(variables));
  });

  test("cover each row of each README, except the creation of a table, which a construct does", () => {
    const covered = Object.values(cases).flatMap(({ folder, uses }) =>
      Object.values(uses).flatMap((rows) => rows.map((row) => `${folder}: ${row}`)),
    );
    const folders = [...new Set(Object.values(cases).map(({ folder }) => folder))];
    const listed = folders.flatMap((folder) => permissionRows(folder).map(({ use }) => `${folder}: ${use}`));
    expect(listed.filter((row) => !covered.includes(row))).toEqual(["sink-dynamodb: ensure, with `create`"]);
  });

  test("of a secret's key are for Secrets Manager alone", () => {
    for (const id of ["PostgresKeywrite", "MailKeywrite", "HookKeywrite"]) {
      const [decrypt] = statementsOf(stack, id).filter(({ Action }) => Action === "kms:Decrypt");
      expect(decrypt?.Condition).toEqual({
        StringEquals: { "kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com" },
      });
    }
  });

  test("of e-mail are for the sender's addresses alone", () => {
    const [send] = statementsOf(stack, "MailSetwrite");
    expect(send?.Condition).toEqual({
      StringLike: { "ses:FromAddress": ["orders@example.com", "*@shop.example.com"] },
    });
    expect(statementsOf(stack, "Seswrite")[0]?.Condition).toBeUndefined();
  });

  test("need the package of SMTP only for SMTP", () => {
    expect(cases.Smtp?.access.packages).toEqual(["nodemailer"]);
    expect(cases.Ses?.access.packages).toBeUndefined();
  });

  test.each(Object.entries(dedupeUses))("of the dedupe table for %s are those of its README", (use, row) => {
    const rows = rowsOf("dedupe-dynamodb", [row, "all routes, if the table has a key of your own"]);
    const on = { "the table": dedupe.table.tableArn, "the key": dedupe.table.encryptionKey?.keyArn ?? "" };
    expect(grantedTo(stack, `Dedupe${use.replace("-", "")}`)).toEqual(listedIn(stack, rows, on));
  });

  test("of another index's sink are for both indices", () => {
    const other = testStack();
    const domain = Domain.fromDomainAttributes(other, "Domain", {
      domainArn: "arn:aws:es:eu-west-1:123456789012:domain/search",
      domainEndpoint: "https://search.example.com",
    });
    openSearchAccess({ domain, index: ["orders", "items"] }).grant(functionIn(other, "Two"), "ensure");
    const arns = statementsOf(other, "Two").flatMap(({ Resource }) => Resource as string | string[]);
    const names = arns.map((arn) => arn.slice(domain.domainArn.length + 1)).sort();
    expect(names).toEqual(
      [
        ...["orders", "items"].flatMap((index) => [index, `${index}-000001`, `${index}-000001`, `${index}-*/_mapping`]),
        "_aliases",
      ].sort(),
    );
  });
});

describe("a table of another account", () => {
  test("is named by its ARN", () => {
    const stack = testStack();
    const arn = "arn:aws:dynamodb:eu-west-1:999999999999:table/copies";
    const access = tableAccess({ table: Table.fromTableArn(stack, "Copies", arn) });
    expect(access.environment).toEqual({ TARGET_TABLE: arn });
  });
});

describe("a pipeline", () => {
  const stack = testStack();
  const keyOf = (id: string): Key => new Key(stack, `${id}Key`);
  const [streamKey, deadLetterKey, retryKey, payloadKey, failureKey, topicKey] = [
    keyOf("Table"),
    keyOf("DeadLetter"),
    keyOf("Retry"),
    keyOf("Payload"),
    keyOf("Failure"),
    keyOf("Topic"),
  ];
  const table = new Table(stack, "Orders", {
    partitionKey,
    stream: StreamViewType.NEW_AND_OLD_IMAGES,
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey: streamKey,
  });
  const topic = new Topic(stack, "Topic", { masterKey: topicKey });
  const payloads = new PayloadBucket(stack, "Payloads", { encryptionKey: payloadKey }).bucket;
  const failures = new OnFailureBucket(stack, "Failures", { encryptionKey: failureKey }).bucket;
  const failureQueue = new Queue(stack, "FailureQueue", { encryptionMasterKey: failureKey });
  const pipelineOf = (id: string, onFailure: typeof failures | Queue): SluicePipeline =>
    new SluicePipeline(stack, id, {
      table,
      function: functionIn(stack, `${id}Own`),
      sinks: [snsAccess({ topic })],
      deadLetters: { encryptionKey: deadLetterKey },
      retryQueue: { encryptionKey: retryKey },
      payloads,
      onFailure,
      alarms: false,
    });
  const pipelines = { Bucket: pipelineOf("Bucket", failures), Waiting: pipelineOf("Waiting", failureQueue) };
  const isOf = (id: string, use: string): boolean =>
    !use.startsWith("`onFailureBucketReader`") &&
    !use.startsWith(`the on-failure destination, a ${id === "Bucket" ? "queue" : "bucket"}`);

  test.each(["Bucket", "Waiting"] as const)(
    "with an on-failure destination (%s) has the rights that core's README lists",
    (id) => {
      const pipeline = pipelines[id];
      const on: Resources = {
        "the stream": table.tableStreamArn ?? "",
        "the table's key": streamKey.keyArn,
        "the dead-letter queue": pipeline.deadLetters?.queueArn ?? "",
        "the dead-letter queue's key": deadLetterKey.keyArn,
        "the retry queue": pipeline.retryQueue?.queueArn ?? "",
        "the retry queue's key": retryKey.keyArn,
        "the payload bucket's objects": payloads.arnForObjects("*"),
        "the payload bucket's key": payloadKey.keyArn,
        "the on-failure bucket": failures.bucketArn,
        "the on-failure bucket's objects": failures.arnForObjects("*"),
        "the on-failure bucket's key": failureKey.keyArn,
        "the on-failure queue": failureQueue.queueArn,
        "the on-failure queue's key": failureKey.keyArn,
        "the topic": topic.topicArn,
        "the key": topicKey.keyArn,
      };
      const rows = permissionRows("core").filter(({ use }) => isOf(id, use));
      const listed = listedIn(stack, [...rows, ...permissionRows("sink-sns")], on);
      expect(grantedTo(stack, `${id}Own`)).toEqual(listed);
    },
  );

  test("sets the sink's variable, and refuses two regions of OpenSearch", () => {
    templateOf(stack).hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: { TOPIC_ARN: stack.resolve(topic.topicArn), RETRY_QUEUE_URL: Match.anyValue() } },
    });
    const other = testStack();
    const domain = Domain.fromDomainAttributes(other, "Domain", {
      domainArn: "arn:aws:es:eu-west-1:123456789012:domain/search",
      domainEndpoint: "search.example.com",
    });
    const search = (region?: string): SinkAccess => openSearchAccess({ domain, index: "orders", region });
    const make = (id: string, sinks: readonly SinkAccess[]): SluicePipeline =>
      new SluicePipeline(other, id, {
        stream: { streamArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-01-01T00:00:00.000" },
        function: functionIn(other, `${id}Own`),
        sinks,
        alarms: false,
      });
    expect(() => make("Same", [search(), search("eu-west-1")])).not.toThrow();
    expect(() => make("Two", [search(), search("us-east-1")])).toThrow(/VARIABLE_CONFLICT.*OPENSEARCH_REGION/);
  });

  test("signs for the region in the ARN of a collection", () => {
    const collection = {
      collectionArn: "arn:aws:aoss:eu-west-1:123456789012:collection/c",
      collectionEndpoint: "https://c",
    };
    const { environment = {} } = openSearchAccess({ domain: collection, index: "orders" });
    expect(testStack().resolve(environment)).toEqual({ OPENSEARCH_NODE: "https://c", OPENSEARCH_REGION: "eu-west-1" });
  });
});
