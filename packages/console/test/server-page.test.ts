import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { notingHost, type TestApp, testApp } from "./server-host.ts";

let folder: string;
let server: TestApp;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-console-"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>Sluice</title>");
  await writeFile(join(folder, "page.js"), "export {};");
  await writeFile(join(folder, "page.css"), "main {}");
  await writeFile(join(folder, "page.js.map"), "{}");
  server = testApp(notingHost().host, folder);
});

afterAll(async () => {
  server.end();
  await rm(folder, { recursive: true });
});

const headers = { host: "127.0.0.1:4983" };
const ask = async (path: string, more: Record<string, string> = {}): Promise<Response> =>
  server.app.request(path, { headers: { ...headers, ...more } });

test.each([
  "/",
  "/changes?route=rows&outcome=rejected",
  "/item?pipeline=orders",
  "/dead-letters",
  "/runs?id=1",
  "/doctor",
])("%s shows the page, without a token", async (path) => {
  const answer = await ask(path);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await answer.text()).toContain("<title>Sluice</title>");
});

test.each([
  ["/page.js", "text/javascript; charset=utf-8"],
  ["/page.css", "text/css; charset=utf-8"],
])("%s has its type", async (path, type) => {
  const answer = await ask(path);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, type]);
});

test("a file is sent again only if it has changed", async () => {
  const etag = (await ask("/page.js")).headers.get("etag") ?? "";
  const same = await ask("/page.js", { "if-none-match": etag });
  expect([same.status, await same.text(), same.headers.get("cache-control")]).toEqual([304, "", "no-cache"]);
  await writeFile(join(folder, "page.js"), "export const changed = 1;");
  expect((await ask("/page.js", { "if-none-match": etag })).status).toBe(200);
});

test.each(["/changes/", "/none", "/page.js.map", "/index.htm", "/apis", "/page.ts", "/missing.js"])(
  "%s is nothing",
  async (path) => {
    const answer = await ask(path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: "ADDRESS_UNKNOWN" } });
  },
);

test("browsers that ask for an icon are told that there is none", async () => {
  expect((await ask("/favicon.ico")).status).toBe(204);
});

test("a page that was not built says what to do", async () => {
  const unbuilt = testApp(notingHost().host, join(folder, "missing"));
  const answer = await unbuilt.app.request("/changes", { headers });
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("npm run build");
  expect((await unbuilt.app.request("/page.js", { headers })).status).toBe(404);
  unbuilt.end();
});

test("a file that cannot be read is an unexpected error", async () => {
  await rm(join(folder, "page.css"));
  const broken = testApp(notingHost().host, join(folder, "index.html"));
  const answer = await broken.app.request("/page.css", { headers });
  expect(answer.status).toBe(500);
  expect(broken.errors).toHaveLength(1);
  broken.end();
});
