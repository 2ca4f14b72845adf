// The requests that the sink writes itself, against a scripted server: signatures, bodies, and what the SDK repeats.

import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { SQS } from "@aws-sdk/client-sqs";
import { afterEach, expect, test } from "@jest/globals";
import { awsRequestWriter } from "../src/sink/aws-request-writer.ts";
import { awsSigner, sha256 } from "../src/sink/aws-signature.ts";

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
type Script = { status: number; body: string } | "reset" | "silent";

const closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

const ok: Script = { status: 200, body: '{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"x"}]}' };

const open = async (...scripts: Script[]) => {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      body += part;
    });
    request.on("end", () => {
      seen.push({ headers: request.headers, body });
      const script = scripts.shift() ?? ok;
      if (script === "silent") return;
      if (script === "reset") {
        response.writeHead(200, { "content-length": "100" });
        response.write("{");
        setImmediate(() => request.socket.destroy());
        return;
      }
      response.writeHead(script.status, { "content-type": "application/x-amz-json-1.0" }).end(script.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let turn = 0;
  const credentials = async () => ({
    accessKeyId: `AKID${turn}`,
    secretAccessKey: `secret${turn}`,
    sessionToken: `token${turn++}`,
    expiration: new Date(0),
  });
  const client = new SQS({ endpoint, region: "eu-central-1", credentials, maxAttempts: 1, md5: false });
  const QueueUrl = `${endpoint}/1/q`;
  const writer = awsRequestWriter(client, {
    body: (entries: readonly unknown[]) => JSON.stringify({ QueueUrl, Entries: entries }),
    answer: (text) => {
      const answer = JSON.parse(text) as Record<string, unknown>;
      return "Successful" in answer || "Failed" in answer ? answer : undefined;
    },
  });
  closes.push(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  const entries = [
    {
      Id: "0",
      MessageBody: 'é "😀" \u2028',
      MessageAttributes: {
        text: { DataType: "String", StringValue: "ü" },
      },
    },
  ];
  await client.sendMessageBatch({ QueueUrl, Entries: entries });
  const write = (signal = new AbortController().signal) => writer(entries, signal);
  return { seen, write };
};

const signatureOf = ({ headers, body }: Seen, secretAccessKey: string): string => {
  const [, id = "", names = ""] = /Credential=([^/]*).*SignedHeaders=([^,]*)/.exec(headers.authorization ?? "") ?? [];
  const signed = Object.fromEntries(names.split(";").map((name) => [name, String(headers[name])]));
  const request = { path: "/", headers: signed, bodyHash: sha256(body) };
  const time = String(headers["x-amz-date"]);
  return awsSigner("eu-central-1", "sqs")(request, { accessKeyId: id, secretAccessKey }, time);
};

test("the signature equals AWS' test vector post-vanilla", () => {
  const headers = { host: "example.amazonaws.com", "x-amz-date": "20150830T123600Z" };
  const key = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const signed = awsSigner("us-east-1", "service")(
    { path: "/", headers, bodyHash: sha256("") },
    key,
    "20150830T123600Z",
  );
  expect(signed).toContain("Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
});

test("the second request has the SDK's body and headers, with credentials that rotated", async () => {
  const { seen, write } = await open();
  expect(await write()).toMatchObject({ Successful: [{ Id: "0" }] });
  const [first, second] = seen as [Seen, Seen];
  expect(JSON.parse(second.body)).toEqual(JSON.parse(first.body));
  const secretOf = ({ headers }: Seen) => String(headers["x-amz-security-token"]).replace("token", "secret");
  for (const one of [first, second]) expect(signatureOf(one, secretOf(one))).toBe(one.headers.authorization);
  expect(secretOf(second)).not.toBe(secretOf(first));
  expect(second.headers["x-amz-target"]).toBe(first.headers["x-amz-target"]);
  expect(second.headers["user-agent"]).toBe(first.headers["user-agent"]);
});

test.each<[string, Script]>([
  ["503", { status: 503, body: "" }],
  ["403", { status: 403, body: '{"__type":"RequestExpired"}' }],
  ["redirect", { status: 307, body: "" }],
  ["HTML with the status 200", { status: 200, body: "<html>" }],
  ["another shape", { status: 200, body: "{}" }],
  ["a reset within the answer", "reset"],
])("leaves a request to the SDK after %s", async (_, script) => {
  const { write } = await open(ok, script);
  expect(await write()).toBeUndefined();
  expect(await write()).toBeDefined();
});

test("returns failed entries of an answer with the status 200", async () => {
  const body = '{"Failed":[{"Id":"0","Code":"InternalError","SenderFault":false}]}';
  const { write } = await open(ok, { status: 200, body });
  expect(await write()).toEqual(JSON.parse(body));
});

test("does not repeat an aborted request", async () => {
  const { write, seen } = await open(ok, "silent");
  const abort = new AbortController();
  const writing = write(abort.signal);
  setTimeout(() => abort.abort(), 50);
  await expect(writing).rejects.toMatchObject({ name: "AbortError" });
  expect(seen.length).toBe(2);
});
