import { describe, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { ConfigError } from "@sluice/core/sink-kit";
import { type OpensearchClient, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const node = "https://search.example.com";
const client = new Client({ node }) satisfies OpensearchClient;
const auth = { username: "writer", password: "secret" };

const wrong: readonly (readonly [option: string, options: Partial<OpensearchSinkOptions>])[] = [
  ["client", { client }],
  ["client", { node: undefined as unknown as string }],
  ["client", { node: undefined as unknown as string, client: {} as unknown as OpensearchClient }],
  ["auth", { node: undefined as unknown as string, client, auth }],
  ["gzip", { node: undefined as unknown as string, client, gzip: true }],
  ["node", { node: "search.example.com" }],
  ["node", { node: "ftp://search.example.com" }],
  ["node", { node: "http://search.example.com", auth }],
  ["auth", { node: "https://u:p@search.example.com", auth }],
  ["auth.password", { auth: { username: "writer", password: "" } }],
  ["auth.region", { auth: { region: "" } }],
  ["auth.service", { auth: { region: "eu-central-1", service: "search" as "es" } }],
  ["auth.credentials", { auth: { region: "eu-central-1", credentials: {} as () => Promise<never> } }],
  ["ssl", { ssl: { rejectUnauthorized: false } as object }],
  ["gzip", { gzip: "yes" as unknown as boolean }],
  ["index", { index: "" }],
  ["index", { index: "Orders" }],
  ["index", { index: "_orders" }],
  ["index", { index: "orders,customers" }],
  ["index", { index: "orders-000001" }],
  ["index", { index: "o".repeat(249) }],
  ["mappings", { mappings: [] as unknown as Record<string, never> }],
  ["mappings", { mappings: { properties: { _sluice: {} } } }],
  ["settings", { settings: "fast" as unknown as Record<string, never> }],
  ["settings", { settings: { number_of_shards: 3 }, auth: { region: "eu-central-1", service: "aoss" } }],
  ["settings", { settings: { "index.refresh_interval": "1s" }, serverless: true }],
  ["maxEntries", { maxEntries: 0 }],
  ["maxBytes", { maxBytes: 1.5 }],
  ["concurrency", { concurrency: -1 }],
  ["timeoutMs", { timeoutMs: Number.NaN }],
  ["name", { name: "" }],
  ["routing", { routing: "" }],
  ["routing", { routing: 7 as unknown as string }],
  ["routing", { routing: "customer", serverless: true }],
];

const unknown: readonly (readonly [name: string, options: object])[] = [
  ["indx", { indx: "orders" }],
  ["refresh", { refresh: true }],
  ["user", { auth: { user: "a", username: "writer", password: "secret" } }],
  ["profile", { auth: { region: "eu-central-1", profile: "mine" } }],
  ["passphrase", { ssl: { passphrase: "secret" } }],
];

describe("opensearch", () => {
  test.each(wrong)("refuses a wrong %s with an error that names it (%#)", (option, options) => {
    const make = () => opensearchSink({ node, index: "orders", ...options });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(`option "${option}"`);
    expect(make).not.toThrow("secret");
  });

  test.each(unknown)("refuses the unknown option %s by its name", (name, options) => {
    const make = () => opensearchSink({ node, index: "orders", ...options });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(`has no option "${name}"`);
    expect(make).not.toThrow("secret");
  });

  test("ensure and purge refuse unknown options", async () => {
    const sink = opensearchSink({ node, index: "orders" });
    await expect(sink.ensure({ aply: false } as object)).rejects.toThrow('ensure has no option "aply"');
    await expect(sink.purge({ olderThan: 30 } as object)).rejects.toThrow('purge has no option "olderThan"');
  });

  test("accepts a client or a node", () => {
    expect(opensearchSink({ client, index: "orders" }).name).toBe("opensearch");
    expect(opensearchSink({ node, index: "orders", name: "search" }).name).toBe("search");
  });

  test("does not close the user's client", async () => {
    let closed = 0;
    const own = { transport: client.transport, close: () => (closed += 1) };
    await opensearchSink({ client: own, index: "orders" }).close();
    expect(closed).toBe(0);
  });

  test("is created and closed without a request", async () => {
    const sink = opensearchSink({ node, index: "orders", auth: { region: "eu-central-1" } });
    expect(sink.supports).toEqual({ writes: "upsert" });
    await sink.close();
  });
});

describe("the settings", () => {
  test("separate credentials from the node's URL", () => {
    const { source } = checkOptions({ node: "https://u%40x:p%3A1@search.example.com", index: "orders" });
    expect(source).toEqual({
      settings: {
        node: "https://search.example.com/",
        auth: { username: "u@x", password: "p:1" },
        ssl: undefined,
        gzip: false,
      },
    });
  });

  test("default to 1,000 documents, 5 MiB, and two requests of 30 seconds", () => {
    const { limits, concurrency, timeoutMs } = checkOptions({ node, index: "orders" });
    expect({ ...limits, concurrency, timeoutMs }).toEqual({
      maxEntries: 1_000,
      maxBytes: 5_242_880,
      concurrency: 2,
      timeoutMs: 30_000,
    });
  });

  test.each([
    [{ auth: { region: "eu-central-1", service: "aoss" as const } }, true],
    [{ auth: { region: "eu-central-1" } }, false],
    [{ serverless: true }, true],
    [{}, false],
  ])("detect Serverless by the service that requests are signed for (%#)", (options, serverless) => {
    expect(checkOptions({ node, index: "orders", ...options }).serverless).toBe(serverless);
  });

  test("ignore later changes of the options", () => {
    const mappings = { properties: { title: { type: "text" } } };
    const settings = checkOptions({ node, index: "orders", mappings });
    mappings.properties.title.type = "keyword";
    expect(settings.mappings.properties?.title?.type).toBe("text");
  });
});

describe("the target of a sink", () => {
  test("is equal for sinks of one alias, and has no credentials", () => {
    const sink = opensearchSink({ node: "https://u:secret@search.example.com", index: "orders" });
    expect(sink.target).toBe(opensearchSink({ node, index: "orders", name: "other" }).target);
    expect(sink.target).toContain("search.example.com");
    expect(sink.target).not.toMatch(/secret|u:/);
  });

  test("differs for another alias, node or client", () => {
    const other = new Client({ node });
    const targets = [
      opensearchSink({ node, index: "orders" }),
      opensearchSink({ node, index: "customers" }),
      opensearchSink({ node: "https://search.example.org", index: "orders" }),
      opensearchSink({ client, index: "orders" }),
      opensearchSink({ client: other, index: "orders" }),
    ].map(({ target }) => target);
    expect(new Set(targets).size).toBe(targets.length);
    expect(opensearchSink({ client, index: "orders" }).target).toBe(targets[3]);
  });
});
