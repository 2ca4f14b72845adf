// Values of variables: by the names that the examples and the templates use, and by references.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { DevEngines } from "../src/engines/engines.ts";
import { createInbox } from "../src/engines/received.ts";
import { readEnvFile, resolveReferences } from "../src/environment/env-file.ts";
import { provisionOf } from "../src/environment/provided.ts";
import { safeVariables } from "../src/environment/safe-variables.ts";

const aws = (endpoint: string): DevEngines["sqs"] => ({
  endpoint,
  clientConfig: { endpoint, region: "us-east-1", credentials: { accessKeyId: "x", secretAccessKey: "x" } },
  stop: async () => undefined,
});

const engines: DevEngines = {
  dynamodb: aws("http://127.0.0.1:1"),
  sqs: aws("http://127.0.0.1:2"),
  postgres: { url: "postgres://p:x@127.0.0.1:3/postgres" },
  opensearch: { url: "http://127.0.0.1:4" },
  smtp: { url: "smtp://127.0.0.1:5", stop: async () => undefined },
  http: { url: "http://127.0.0.1:6", stop: async () => undefined },
  inbox: createInbox(),
  given: new Set(),
};

const queue = (name: string, use: string) => ({ resource: { kind: "queue", name, use } });

describe("a variable without a value", () => {
  test.each([
    ["DEAD_LETTER_QUEUE_URL", queue("shop-dead-letters", "dead letters")],
    ["ORDERS_DLQ_URL", queue("shop-dead-letters", "dead letters")],
    ["RETRY_QUEUE_URL", queue("shop-retries", "retry queue")],
    ["QUEUE_URL", queue("shop-messages", "target")],
    ["WAREHOUSE_QUEUE_URL", queue("warehouse", "target")],
    ["TOPIC_ARN", { resource: { kind: "topic", name: "shop-messages" } }],
    ["ORDER_EVENTS_TOPIC_ARN", { resource: { kind: "topic", name: "order-events" } }],
    ["DEDUPE_TABLE", { value: "shop-dedupe" }],
    ["TARGET_TABLE", { value: "shop-copies" }],
    ["DATABASE_URL", { value: "postgres://p:x@127.0.0.1:3/postgres" }],
    ["OPENSEARCH_NODE", { value: "http://127.0.0.1:4" }],
    ["OPENSEARCH_URL", { value: "http://127.0.0.1:4" }],
    ["SMTP_URL", { value: "smtp://127.0.0.1:5" }],
    ["SMTP_PORT", { value: "5" }],
    ["MAIL_FROM", { value: "sluice@example.com" }],
    ["EVENT_BUS", { value: "default" }],
    ["WEBHOOK_URL", { value: "http://127.0.0.1:6/webhook" }],
    ["CRM_URL", { value: "http://127.0.0.1:6/crm" }],
    ["WEBHOOK_ALLOW_ADDRESSES", { value: "127.0.0.1" }],
    ["CRM_TOKEN", undefined],
    ["OPENSEARCH_PASSWORD", undefined],
  ])("%s", (name, provision) => expect(provisionOf(name, "shop", engines)).toEqual(provision));

  test("gets the address of no engine that is not needed", () => {
    const { postgres: _, http: __, ...few } = engines;
    expect(provisionOf("DATABASE_URL", "shop", few)).toBeUndefined();
    expect(provisionOf("CRM_URL", "shop", few)).toBeUndefined();
  });
});

describe("a file of variables", () => {
  test("has values that refer to others", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-env-"));
    await writeFile(
      join(folder, ".env"),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the file has it.
      "# comment\nA=1\nURL='$DATABASE_URL?sslmode=disable'\nexport B=\"${A}-$NONE\"\n",
    );
    const values = await readEnvFile(join(folder, ".env"));
    await rm(folder, { recursive: true });
    expect(resolveReferences(values, { ...values, DATABASE_URL: "postgres://x" })).toEqual({
      A: "1",
      URL: "postgres://x?sslmode=disable",
      B: "1-$NONE",
    });
  });
});

describe("the variables of AWS", () => {
  test("lead nowhere but to the engines", () => {
    const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_DYNAMODB, AWS_ACCESS_KEY_ID, AWS_PROFILE } = safeVariables(engines);
    expect([AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_DYNAMODB, AWS_ACCESS_KEY_ID, AWS_PROFILE]).toEqual([
      "http://127.0.0.1:9",
      "http://127.0.0.1:1",
      "local",
      undefined,
    ]);
  });

  test("keep the user's credentials for an engine of his own", () => {
    expect(safeVariables({ ...engines, given: new Set(["dynamodb"]) })).not.toHaveProperty("AWS_ACCESS_KEY_ID");
    expect(safeVariables({ ...engines, given: new Set(["postgres"]) })).toHaveProperty("AWS_ACCESS_KEY_ID", "local");
  });
});
