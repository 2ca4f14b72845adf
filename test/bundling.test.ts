// Bundles every example as docs/bundling.md says, as CommonJS and as ESM, minified and not, and runs each bundle under a
// Runtime API of our own, with deadlines, against embedded engines.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Engines, engineOrSkip, startEngines, startTcpProxy } from "@sluice/local";
import { streamEvent, streamRecord } from "@sluice/testing";
import { openCrm, secret, token } from "../examples/call-a-webhook/test/crm.ts";
import { openMailbox } from "../examples/email-on-change/test/mailbox.ts";
import { type BundleOptions, bundle } from "./lambda/bundle.ts";
import { type ExecutionEnvironment, startFunction } from "./lambda/runtime.ts";
import { fencesOf, root } from "./markdown.ts";

type Environment = Readonly<Record<string, string>>;
type ChangedSettings = [changes?: { readonly [name: string]: string | undefined }, timeoutMs?: number];

const page = "docs/bundling.md";

/** An item of each example's table. `n` makes the item of each bundle another one. */
const items: Readonly<Record<string, { readonly key: string; readonly item: (n: number) => object }>> = {
  "replicate-to-postgres": {
    key: "orderId",
    item: (n) => ({ orderId: `o-${n}`, status: "placed", total: 8, lines: [{ sku: "tea", qty: 2, price: 4 }] }),
  },
  "index-to-opensearch": { key: "filmId", item: (n) => ({ filmId: n, Title: "Metropolis" }) },
  "replicate-to-table": {
    key: "pk",
    item: (n) => ({ pk: `CUSTOMER#${n}`, sk: `ORDER#2026-01-02#${n}`, amt: 100, cur: "EUR", st: "N" }),
  },
  "publish-to-sns": {
    key: "orderId",
    item: (n) => ({ orderId: `o-${n}`, customerId: "c", status: "placed", total: 1 }),
  },
  "email-on-change": {
    key: "pk",
    item: (n) => ({ pk: `customer#${n}`, type: "customer", name: "Ada", email: `ada-${n}@example.com` }),
  },
  "call-a-webhook": {
    key: "customerId",
    item: (n) => ({ customerId: `c-${n}`, firstName: "Ada", lastName: "L", email: "a@example.com", consent: true }),
  },
  "fan-out": { key: "pk", item: (n) => ({ pk: `ORDER#${n}`, type: "order", customer: "c", total: 1, lines: ["tea"] }) },
  "custom-sink": { key: "orderId", item: (n) => ({ orderId: `o-${n}`, total: 1 }) },
};

const examples = readdirSync(join(root, "examples")).filter((name) => !/^(demo|films|deploy-.*)$/.test(name));

const ways: readonly (BundleOptions & { readonly name: string })[] = (["cjs", "esm"] as const).flatMap((format) =>
  [false, true].map((minify) => ({ name: `${format}${minify ? ", minified" : ""}`, format, minify })),
);

const scratch = mkdtempSync(join(tmpdir(), "sluice-bundling-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const wanted = { dynamodb: true, postgres: true, opensearch: true, sqs: true } as const;
const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

test("every example has an item here", () => {
  expect(Object.keys(items).sort()).toEqual([...examples].sort());
});

describeWithEngines("a bundled example", (engines: Engines<typeof wanted>) => {
  const sqs = new SQS(engines.sqs.clientConfig);
  const sns = new SNSClient(engines.sqs.clientConfig);
  const crm = openCrm();
  const mailbox = openMailbox();
  const running: ExecutionEnvironment[] = [];
  let environment: Environment = {};

  const queue = async (name: string, attributes: Record<string, string> = {}): Promise<string> =>
    (await sqs.createQueue({ QueueName: name, Attributes: attributes })).QueueUrl ?? "";

  /** The variables of all examples. A deployed function has only those that its README lists. */
  beforeAll(async () => {
    const { region, credentials } = engines.sqs.clientConfig;
    const topic = await sns.send(new CreateTopicCommand({ Name: "events.fifo", Attributes: { FifoTopic: "true" } }));
    environment = {
      DATABASE_URL: await engines.postgres.createDatabase(),
      OPENSEARCH_NODE: engines.opensearch.url,
      DEAD_LETTER_QUEUE_URL: await queue("dead-letters"),
      RETRY_QUEUE_URL: await queue("retries.fifo", { FifoQueue: "true" }),
      WAREHOUSE_QUEUE_URL: await queue("warehouse"),
      ORDER_EVENTS_TOPIC_ARN: topic.TopicArn ?? "",
      CUSTOMERS_TABLE: "Customers",
      ORDERS_TABLE: "Orders",
      DEDUPE_TABLE: "dedupe",
      CRM_URL: await crm.start(),
      CRM_TOKEN: token,
      CRM_SECRETS: secret,
      ALLOW_ADDRESSES: "127.0.0.1",
      MAIL_FROM: "shop@example.com",
      SMTP_URL: `smtp://127.0.0.1:${await mailbox.start()}`,
      CHANGE_LOG_PATH: join(scratch, "changes.jsonl"),
      SOURCE_TABLE: "Items",
      AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint,
      AWS_ENDPOINT_URL_SQS: engines.sqs.endpoint,
      AWS_ENDPOINT_URL_SNS: engines.sqs.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      NODE_NO_WARNINGS: "1",
    };
    // The order of a deployment: `ensure` creates the targets before the code runs.
    for (const name of examples) {
      const program = join(root, "examples", name, "dist", "ensure.js");
      if (!readdirSync(join(program, "..")).includes("ensure.js")) continue;
      execFileSync(process.execPath, [program], { env: { ...process.env, ...environment } });
    }
  });

  afterAll(async () => {
    for (const environmentOfFunction of running) await environmentOfFunction.stop();
    for (const client of [sqs, sns]) client.destroy();
    await crm.stop();
    await mailbox.stop();
  });

  const startIn = async (
    folder: string,
    changes: { readonly [name: string]: string | undefined } = {},
    timeoutMs = 30_000,
  ): Promise<ExecutionEnvironment> => {
    const variables = Object.entries({ ...environment, ...changes }).filter(([, value]) => value !== undefined);
    const started = await startFunction({
      folder,
      handler: "index.handler",
      environment: Object.fromEntries(variables) as Environment,
      timeoutMs,
    });
    running.push(started);
    return started;
  };

  const deploy = async (name: string, way: BundleOptions, ...settings: ChangedSettings) => {
    const folder = mkdtempSync(join(scratch, `${name}-`));
    await bundle(join(root, "examples", name, "dist", "handler.js"), folder, way);
    return startIn(folder, ...settings);
  };

  const insert = (name: string, n: number) => {
    const { key, item } = items[name] ?? { key: "", item: () => ({}) };
    const keyNames = key === "pk" && name === "replicate-to-table" ? ["pk", "sk"] : [key];
    return streamEvent([streamRecord({ tableName: "Items", after: item(n) as never, keyNames, position: n })]);
  };

  let n = 0;

  describe.each(examples)("%s", (name) => {
    test.each(ways)("delivers an event ($name)", async (way) => {
      n += 1;
      const deployed = await deploy(name, way);
      const invoked = await deployed.invoke(insert(name, n));
      expect(invoked).toEqual({ response: { batchItemFailures: [] } });
      expect(deployed.log()).not.toContain("dead letter");
    });

    test("reports an initialization that fails, with its reason", async () => {
      const deployed = await deploy(name, { format: "esm", minify: true }, { DEAD_LETTER_QUEUE_URL: undefined });
      expect(await deployed.invoke(insert(name, 1))).toMatchObject({
        initError: { errorMessage: "the environment variable DEAD_LETTER_QUEUE_URL is not set" },
      });
    });
  });

  test("all bundles wrote to the targets", async () => {
    const films = ways.length;
    expect(crm.contacts.size).toBe(films);
    expect(mailbox.received()).toHaveLength(films);
    expect(readFileSync(join(scratch, "changes.jsonl"), "utf8").trim().split("\n")).toHaveLength(films);
    const { Attributes } = await sqs.getQueueAttributes({
      QueueUrl: environment.DEAD_LETTER_QUEUE_URL ?? "",
      AttributeNames: ["ApproximateNumberOfMessages"],
    });
    expect(Attributes).toEqual({ ApproximateNumberOfMessages: "0" });
  });

  const commands = fencesOf({ path: page, text: readFileSync(join(root, page), "utf8") })
    .filter(({ info }) => info === "sh run: test/bundling.test.ts")
    .map(({ code }) => code);

  test("docs/bundling.md has a command for each format", () => {
    expect(commands.map((command) => /--format=(\w+)/.exec(command)?.[1])).toEqual(["cjs", "esm"]);
  });

  test.each(commands)("works as the documentation says: %s", async (command) => {
    const folder = mkdtempSync(join(scratch, "documented-"));
    const entry = join(root, "examples", "fan-out", "dist", "handler.js");
    const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
    const env = { ...process.env, PATH: path };
    execFileSync("sh", ["-e", "-c", command.replace("orders.js", entry).replace("npx ", "")], {
      cwd: folder,
      env,
      stdio: "pipe",
    });
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(root, "node_modules", "@aws-sdk"), join(folder, "node_modules", "@aws-sdk"));
    n += 1;
    const deployed = await startIn(join(folder, "dist"));
    expect(await deployed.invoke(insert("fan-out", n))).toEqual({ response: { batchItemFailures: [] } });
  });

  test("reports a record whose target is down", async () => {
    const event = insert("replicate-to-postgres", 900);
    const way = { format: "esm", minify: true } as const;
    const deployed = await deploy(
      "replicate-to-postgres",
      way,
      { DATABASE_URL: "postgresql://127.0.0.1:1/none" },
      30_000,
    );
    expect(await deployed.invoke(event)).toEqual({
      response: { batchItemFailures: [{ itemIdentifier: event.Records[0]?.dynamodb?.SequenceNumber }] },
    });
    expect(deployed.log()).toContain("SINK_UNAVAILABLE");
  });

  test("answers before its deadline when the target never answers", async () => {
    const proxy = await startTcpProxy(environment.DATABASE_URL ?? "");
    proxy.setMode("hang");
    const event = insert("replicate-to-postgres", 901);
    const way = { format: "cjs", minify: true } as const;
    // A pause of the machine may take the second that is left after the work.
    let invoked: object = { timedOut: true };
    for (let attempt = 0; attempt < 3 && "timedOut" in invoked; attempt += 1) {
      const deployed = await deploy("replicate-to-postgres", way, { DATABASE_URL: proxy.url }, 6_000);
      invoked = await deployed.invoke(event);
    }
    expect(invoked).toEqual({
      response: { batchItemFailures: [{ itemIdentifier: event.Records[0]?.dynamodb?.SequenceNumber }] },
    });
    await proxy.stop();
  });

  test("says why an ESM bundle without createRequire cannot load its client", async () => {
    const deployed = await deploy("replicate-to-postgres", { format: "esm", minify: false, banner: "" });
    const invoked = await deployed.invoke(insert("replicate-to-postgres", 902));
    const said = `${JSON.stringify(invoked)}${deployed.log()}`;
    expect(said).toContain("Dynamic require of");
    expect(said).not.toContain("npm install");
  });
});
