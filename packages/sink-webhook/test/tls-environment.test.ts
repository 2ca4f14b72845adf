// NODE_TLS_REJECT_UNAUTHORIZED=0 switches verification off for every client that does not ask for it. The clients that
// sinks create ask for it. The test needs a child process, because Jest's process.env is a copy.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { cert, key } from "./support/certificate.ts";

const program = `
import { get } from "node:https";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { emailSink, sesTransport, smtpTransport } from "@sluice/sink-email";
import { eventbridgeSink } from "@sluice/sink-eventbridge";
import { snsSink } from "@sluice/sink-sns";
import { sqsSink } from "@sluice/sink-sqs";
import { webhookSink } from "@sluice/sink-webhook";
import { streamChange } from "@sluice/testing";

const { ENDPOINT: url, PORT: port } = process.env;
const unverified = await new Promise((resolve, reject) => get(url, ({ statusCode }) => resolve(statusCode)).on("error", reject));
const change = streamChange({ after: { pk: "a", sk: "1" } });
const mail = { from: "a@example.com", to: "b@example.com", subject: "x", text: "x" };
const smtp = smtpTransport({ host: "127.0.0.1", port: Number(port), secure: true, timeoutMs: 30_000 });
const cases = [
  [webhookSink({ url, secrets: [], allowAddresses: ["127.0.0.1"] }), { body: "x" }],
  [emailSink({ transport: smtp, name: "smtp" }), mail],
  [emailSink({ transport: sesTransport(), name: "ses" }), mail],
  [sqsSink({ queueUrl: url + "/1/orders" }), { body: "x" }],
  [snsSink({ topicArn: "arn:aws:sns:us-east-1:123456789012:orders" }), { body: "x" }],
  [eventbridgeSink({ source: "a" }), { detailType: "x", detail: {} }],
  [dynamodbSink({ table: "orders" }), { pk: "a", sk: "1" }],
];
const found = {};
for (const [sink, message] of cases) {
  const delivery = { change, message, earlier: [], idempotencyKey: "k" };
  const context = { signal: new AbortController().signal, remainingMs: () => 60_000 };
  const results = await sink.write([delivery], context).catch((error) => [{ error }]);
  const { error } = results[0];
  found[sink.name] = (error?.code ?? "delivered") + " " + [error?.message, error?.cause?.message, error?.cause?.code].join(" ");
  await sink.close?.();
}
process.stdout.write(JSON.stringify({ unverified, found }));
`;

const requests: string[] = [];
const server = createServer({ key, cert }, ({ url = "" }, response) => {
  requests.push(url);
  response.end("{}");
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => void server.close());

test("NODE_TLS_REJECT_UNAUTHORIZED=0 does not make a sink's client accept a self-signed certificate", async () => {
  const { port } = server.address() as AddressInfo;
  const endpoint = `https://127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH ?? "",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    ENDPOINT: endpoint,
    PORT: String(port),
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
  };
  const args = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  const { unverified, found } = JSON.parse(stdout) as { unverified: number; found: Record<string, string> };
  expect(unverified).toBe(200);
  const names = ["dynamodb", "eventbridge", "ses", "smtp", "sns", "sqs", "webhook"];
  expect(Object.keys(found).sort()).toEqual(names);
  for (const name of names) expect(`${name}: ${found[name]}`).toMatch(/self-signed|DEPTH_ZERO_SELF_SIGNED_CERT/);
  expect(requests).toEqual(["/"]);
}, 60_000);
