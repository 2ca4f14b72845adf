import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type FaultyProxy, startFaultyProxy } from "../src/index.ts";

let server: Server;
let proxy: FaultyProxy;
let taken: string[];

beforeEach(async () => {
  taken = [];
  server = createServer(async (incoming, response) => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    taken.push(body);
    response.end(`took ${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = await startFaultyProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(async () => {
  await proxy.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const post = async (body: string, signal?: AbortSignal): Promise<string> => {
  const answer = await fetch(proxy.endpoint, { method: "POST", body, ...(signal && { signal }) });
  return `${answer.status} ${await answer.text()}`;
};

test("forwards requests and counts them", async () => {
  expect([await post("a"), await post("b")]).toEqual(["200 took a", "200 took b"]);
  expect(proxy.requests()).toBe(2);
  proxy.reset();
  expect(proxy.requests()).toBe(0);
});

test("sends the script's answer if there is one, and does not forward the request", async () => {
  proxy.script(({ body }) => (body === "bad" ? { status: 503, body: "not now" } : undefined));
  expect([await post("bad"), await post("good")]).toEqual(["503 not now", "200 took good"]);
  expect(taken).toEqual(["good"]);
});

test("drops the response after the engine has executed the request", async () => {
  proxy.fail("drop-after-send");
  await expect(post("a")).rejects.toThrow();
  expect(taken).toEqual(["a"]);
});

test.each([
  ["throttle", "slow down", 429],
  ["down", "", 503],
  ["deny", "", 403],
] as const)("answers with the configured %s response until it is reset", async (fault, body, status) => {
  const other = await startFaultyProxy(proxy.endpoint, { throttle: { status: 429, body: "slow down" } });
  other.fail(fault);
  const answer = await fetch(other.endpoint);
  expect([answer.status, await answer.text()]).toEqual([status, body]);
  other.reset();
  expect((await fetch(other.endpoint)).status).toBe(200);
  await other.stop();
});

test("never answers while it hangs", async () => {
  proxy.fail("hang");
  await expect(post("a", AbortSignal.timeout(50))).rejects.toThrow();
  expect(taken).toEqual([]);
});

test("keeps working after its idle connections were closed", async () => {
  await post("a");
  proxy.fail("close-idle");
  expect(await post("b").catch(() => post("b"))).toBe("200 took b");
});
