// The real client reads truncated and malformed answers. After such an answer, it is unknown if the server has written
// the documents. Core must retry the whole request, and must not write dead letters.

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { lambdaContext, streamChange, streamEvent, streamRecord } from "@sluice/testing";
import { type OpensearchSink, opensearchSink } from "../src/index.ts";
import { deliveryOf, outcomesOf } from "./support/outcomes.ts";

const whole =
  '{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}],"note":"confidential-7f3a"}';
const zipped = gzipSync(whole);
const json = { "content-type": "application/json; charset=UTF-8" };

/** Sends the headers and the bytes, and then closes the connection, so that the answer is truncated. */
const cut = (outgoing: ServerResponse, headers: Record<string, string | number>, bytes: Buffer | string): void => {
  outgoing.writeHead(200, { ...json, ...headers });
  outgoing.write(bytes, () => outgoing.socket?.destroy());
};

const end = (outgoing: ServerResponse, bytes: Buffer | string, headers: Record<string, string> = json): void => {
  outgoing.writeHead(200, headers).end(bytes);
};

const malformed: readonly (readonly [name: string, answer: (outgoing: ServerResponse) => void])[] = [
  ["ends before its announced length", (to) => cut(to, { "content-length": whole.length }, whole.slice(0, 40))],
  ["ends in the middle of a chunk", (to) => cut(to, { "transfer-encoding": "chunked" }, whole.slice(0, 40))],
  ["ends after its head", (to) => cut(to, { "content-length": whole.length }, "")],
  ["never has a head", (to) => to.socket?.destroy()],
  ["is half of a JSON text, with the right length", (to) => end(to, whole.slice(0, 60))],
  ["is half of a compressed text", (to) => end(to, zipped.subarray(0, 30), { ...json, "content-encoding": "gzip" })],
  ["is the HTML page of a proxy", (to) => end(to, "<html>confidential-7f3a</html>", { "content-type": "text/html" })],
  ["is an HTML page with the type of JSON", (to) => end(to, "<html>confidential-7f3a</html>")],
  ["is empty", (to) => end(to, "")],
  ["is another JSON", (to) => end(to, '{"took":3}')],
  ["has fewer items than the request", (to) => end(to, '{"errors":false,"items":[{"create":{"status":201}}]}')],
  ["has items without a status", (to) => end(to, '{"items":[{"create":{}},{"create":{}}]}')],
  ["would pollute a prototype", (to) => end(to, '{"items":[],"__proto__":{"errors":false}}')],
];

let close = async (): Promise<void> => undefined;

afterEach(() => close());

/** Opens a sink and a server. The server answers the first `count` bulk requests with `answer`, and later ones correctly. */
const open = async (answer: (outgoing: ServerResponse) => void, count: number) => {
  let requests = 0;
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on("end", () => {
      // The check of the index finds no alias.
      if (incoming.method === "GET") return end(outgoing, "{}");
      requests += 1;
      if (requests <= count) answer(outgoing);
      else end(outgoing, whole);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const node = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sink: OpensearchSink = opensearchSink({ node, index: "orders" });
  close = async () => {
    await sink.close();
    await new Promise((resolve) => server.close(resolve));
  };
  return { sink, requests: () => requests };
};

describe.each(malformed)("an answer that %s", (_name, answer) => {
  test("fails every delivery with SINK_UNAVAILABLE, and is not quoted in the error", async () => {
    const { sink, requests } = await open(answer, 1);
    const deliveries = ["a", "b"].map((pk) => deliveryOf(streamChange({ keyNames: ["pk"], after: { pk } })));
    const results = await sink.write(deliveries, {
      signal: new AbortController().signal,
      remainingMs: () => 9_000,
    });
    const errors = results.map((one) => (one.outcome === "failed" ? one.error : undefined));
    expect(errors.map((error) => error?.code)).toEqual(["SINK_UNAVAILABLE", "SINK_UNAVAILABLE"]);
    expect(errors.map((error) => `${error?.message} ${error?.cause}`).join()).not.toContain("confidential");
    expect(requests()).toBe(1);
    expect(await outcomesOf(sink, deliveries)).toEqual(["delivered", "delivered"]);
  });

  test("is retried within the invocation", async () => {
    const { sink, requests } = await open(answer, 1);
    const silent = { info: () => undefined, warn: () => undefined };
    const retry = { maxAttempts: 3, firstDelayMs: 1 };
    const handler = pipeline("orders", { onReject: "block", logger: silent, retry }).to(sink).handler();
    const records = ["a", "b"].map((pk) => streamRecord({ keyNames: ["pk"], after: { pk } }));
    expect(await handler(streamEvent(records), lambdaContext())).toEqual({ batchItemFailures: [] });
    expect(requests()).toBe(2);
  });
});
