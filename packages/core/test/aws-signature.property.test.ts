// Our signature equals the one of the SDK's own signer, for the request to learn from and for the requests after it.

import { Readable } from "node:stream";
import { SQS, type SQSClientConfig } from "@aws-sdk/client-sqs";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type AwsHttpRequest, learnRequest, nextRequest } from "../src/sink/aws-learned-request.ts";
import { awsSigner, sha256 } from "../src/sink/aws-signature.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const secret = fc.stringMatching(/^[A-Za-z0-9+/]{1,40}$/);
const credentials = fc.record(
  {
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{16}$/),
    secretAccessKey: secret,
    sessionToken: fc.oneof(fc.constant(""), fc.stringMatching(/^[\x21-\x7e]{1,400}$/)),
  },
  { requiredKeys: ["accessKeyId", "secretAccessKey"] },
);
const value = fc.stringMatching(/^[\x21-\x7e\xa0-\xff]([\t \x21-\x7e\xa0-\xff]{0,30}[\x21-\x7e\xa0-\xff])?$/);
const own = /^(x-amz|amz-sdk|traceparent$|authorization$|content-length$|host$|date$|x-amzn)/;
const text = fc.string({ unit: "binary", maxLength: 200 });
const when = fc.date({ min: new Date(0), max: new Date("2099-12-31"), noInvalidDate: true });

const scene = fc.record({
  path: fc
    .array(fc.oneof(fc.constantFrom("", ".", "..", "a b", "%2F", "é*'()!", "1"), name), { maxLength: 5 })
    .map((parts) => `/${parts.map((part) => encodeURI(part)).join("/")}`),
  headers: fc.dictionary(
    fc.oneof(
      name.filter((one) => !own.test(one)),
      fc.constantFrom("user-agent", "proxy-x", "sec-x", "content-type"),
    ),
    value,
    { noNullPrototype: true },
  ),
  region: name,
  service: name,
  turns: fc.tuple(
    fc.record({ body: text, credentials, when }),
    fc.array(fc.record({ body: text, credentials, when }), { minLength: 1, maxLength: 3 }),
  ),
});

type Turn = Parameters<typeof learnRequest>[1];

/** Signs with the signer of a client of the SDK. */
const signedBySdk = async (request: AwsHttpRequest, of: Turn, region: string, service: string, signingDate: Date) => {
  const client = new SQS({ region: "us-east-1", credentials: of as NonNullable<SQSClientConfig["credentials"]> });
  const signer = await client.config.signer();
  const options = { signingDate, signingRegion: region, signingService: service };
  return (await signer.sign(request as never, options)) as unknown as AwsHttpRequest;
};

test("each request has the signature of the SDK's signer", async () => {
  const property = fc.asyncProperty(scene, async ({ path, headers, region, service, turns: [first, others] }) => {
    const requestOf = (body: string): AwsHttpRequest => ({
      protocol: "https:",
      hostname: "example.com",
      method: "POST",
      path,
      query: {},
      headers: { ...headers, host: "example.com", "content-length": String(Buffer.byteLength(body)) },
      body,
    });
    const bytes = { ...requestOf(first.body), body: Buffer.from(first.body) };
    const sent = await signedBySdk(bytes, first.credentials, region, service, first.when);
    const learned = learnRequest(sent, first.credentials);
    if (learned === undefined) throw new Error("nothing is learned");
    expect(JSON.stringify(learned)).not.toContain("AWS4-HMAC-SHA256");
    expect(learned.request).not.toHaveProperty("body");
    for (const { body, credentials: next, when: at } of others) {
      const expected = await signedBySdk(requestOf(body), next, region, service, at);
      expect(nextRequest(learned, body, next, at.getTime()).headers).toEqual(expected.headers);
    }
  });
  await fc.assert(property, { numRuns: 300 });
});

test("nothing is learned from a request with another signature", async () => {
  const key = { accessKeyId: "A", secretAccessKey: "b" };
  const plain = { protocol: "https:", hostname: "example.com", method: "POST", path: "/", query: {}, headers: {} };
  const sent = await signedBySdk({ ...plain, body: "x" }, key, "r", "s", new Date(0));
  const differing: [AwsHttpRequest, Turn][] = [
    [sent, { ...key, secretAccessKey: "c" }],
    [sent, { ...key, accessKeyId: "B" }],
    [{ ...sent, body: "y" }, key],
    [{ ...sent, body: Readable.from(["x"]) }, key],
    [{ ...sent, method: "PUT" }, key],
    [{ ...sent, query: { a: "b" } }, key],
    [{ ...sent, headers: { ...sent.headers, "x-amz-date": "20260101T000000Z" } }, key],
    [{ ...sent, headers: { ...sent.headers, traceparent: "00-1-2-01" } }, key],
    [{ ...sent, headers: { ...sent.headers, authorization: "AWS4-ECDSA-P256-SHA256 Credential=A" } }, key],
  ];
  expect(learnRequest(sent, key)).toBeDefined();
  for (const [request, of] of differing) expect(learnRequest(request, of)).toBeUndefined();
});

test("the signature equals AWS' test vector post-vanilla", () => {
  const headers = { host: "example.amazonaws.com", "x-amz-date": "20150830T123600Z" };
  const key = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const sign = awsSigner("us-east-1", "service");
  const signed = sign({ path: "/", headers, bodyHash: sha256("") }, key, "20150830T123600Z");
  expect(signed).toContain("Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
});
