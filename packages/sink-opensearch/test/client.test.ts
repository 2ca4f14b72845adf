import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import type { UpsertDelivery, WriteContext, WriteResult } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";
import { type OpensearchSink, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { type SignedRequest, signatureOf } from "./support/sigv4.ts";
import { certificate, key } from "./support/tls-fixture.ts";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Starts a server that accepts every request, and returns its URL and the list of the received requests. */
const listen = async (secure = false): Promise<{ url: string; received: SignedRequest[] }> => {
  const received: SignedRequest[] = [];
  const take = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = incoming;
    // The check of the index finds no alias.
    if (method === "GET") {
      outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
      return;
    }
    received.push({ method, url, headers, body: Buffer.concat(chunks) });
    outgoing.writeHead(200, { "content-type": "application/json" });
    outgoing.end('{"errors":false,"items":[{"create":{"status":201}}]}');
  };
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => void take(incoming, outgoing);
  const server = secure ? createHttps({ cert: certificate, key }, answer) : createHttp(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return { url: `${secure ? "https" : "http"}://127.0.0.1:${port}`, received };
};

const context: WriteContext = { signal: new AbortController().signal, remainingMs: () => 5_000 };
const delivery: UpsertDelivery<object> = {
  change: streamChange({ keyNames: ["pk"], after: { pk: "a" } }),
  message: { title: "T" },
  earlier: [],
};

const writeBy = async (options: Partial<OpensearchSinkOptions>): Promise<WriteResult | undefined> => {
  const sink: OpensearchSink = opensearchSink({ index: "orders", ...options });
  closing.unshift(sink.close);
  return (await sink.write([delivery], context))[0];
};

describe("the client that the sink creates", () => {
  test("sends one request, which requires an alias and asks for a short response", async () => {
    const { url, received } = await listen();
    expect(await writeBy({ node: url })).toEqual({ delivery, outcome: "delivered" });
    const [{ url: path, headers }] = received as [SignedRequest];
    expect(received).toHaveLength(1);
    expect(path).toMatch(/^\/orders\/_bulk\?require_alias=true&filter_path=items\.\*\.status/);
    expect(headers["content-type"]).toBe("application/x-ndjson");
    expect(headers["content-encoding"]).toBeUndefined();
  });

  test("authenticates as a user", async () => {
    const { url, received } = await listen();
    await writeBy({ node: url, auth: { username: "writer", password: "p:w" } });
    expect(received[0]?.headers.authorization).toBe(`Basic ${Buffer.from("writer:p:w").toString("base64")}`);
  });

  test.each([
    ["es", {}],
    ["aoss", {}],
    ["es", { gzip: true }],
    ["es", { index: "a-ü%41" }],
  ] as const)("signs requests for the service %s as AWS documents it (%j)", async (service, options) => {
    const { url, received } = await listen();
    const credentials = async () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token" });
    await writeBy({ node: url, auth: { region: "eu-central-1", service, credentials }, ...options });
    const [request] = received as [SignedRequest];
    const { headers } = request;
    expect(headers.authorization).toMatch(new RegExp(`Signature=${signatureOf(request, "secret")}$`));
    expect(headers.authorization).toMatch(
      new RegExp(`^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\\d{8}/eu-central-1/${service}/aws4_request, `),
    );
    expect(headers["x-amz-security-token"]).toBe("token");
    expect(headers["x-amz-content-sha256"]).toMatch(/^[0-9a-f]{64}$/);
  });

  test("fails with SINK_DENIED without credentials, so that nothing is dead-lettered", async () => {
    const { url } = await listen();
    const credentials = async (): Promise<never> => {
      throw Object.assign(new Error("no providers"), { name: "CredentialsProviderError" });
    };
    const result = await writeBy({ node: url, auth: { region: "eu-central-1", credentials } });
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SINK_DENIED" } });
  });

  test('compresses requests if option "gzip" is set', async () => {
    const { url, received } = await listen();
    await writeBy({ node: url, gzip: true });
    const { headers, body } = received[0] as SignedRequest;
    expect(headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(body).toString()).toContain('"title":"T"');
  });

  test("verifies the server's certificate", async () => {
    const { url, received } = await listen(true);
    expect(await writeBy({ node: url })).toMatchObject({ outcome: "failed", error: { code: "SINK_DENIED" } });
    expect(received).toEqual([]);
  });

  test('trusts the authority in option "ssl"', async () => {
    const { url } = await listen(true);
    expect(await writeBy({ node: url, ssl: { ca: certificate } })).toEqual({ delivery, outcome: "delivered" });
  });
});

describe("the user's own client", () => {
  test("is used without changes, and without retries", async () => {
    const { url, received } = await listen();
    const client = new Client({ node: url, headers: { "x-mine": "yes" } });
    closing.unshift(() => client.close());
    expect(await writeBy({ client })).toEqual({ delivery, outcome: "delivered" });
    expect(received.map(({ headers }) => headers["x-mine"])).toEqual(["yes"]);
  });
});
