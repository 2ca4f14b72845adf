import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import type { ChangeRow, Console, ConsoleHost, LiveLine, Overview } from "../src/index.ts";
import { createFeed, startConsole } from "../src/index.ts";
import { notingHost, until } from "./server-host.ts";

const row: Omit<ChangeRow, "seq"> = {
  at: 1,
  pipeline: "orders",
  route: "rows",
  origin: "stream",
  eventId: "e-1",
  keys: { id: { S: "o-1" } },
  kind: "insert",
  version: "v",
  outcome: "delivered",
  attempts: 1,
};
const rows = (count: number, change: Partial<ChangeRow> = {}) =>
  Array.from({ length: count }, () => ({ ...row, ...change }));
const overview: Overview = { at: 1, pipelines: [], routes: [], queues: [], problems: [] };

const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const start = async (host: ConsoleHost, errors: unknown[] = []): Promise<Console> => {
  const server = await startConsole({ host, onError: (error) => errors.push(error) });
  opened.push(server.close);
  return server;
};

const headersOf = (server: Console): Record<string, string> => ({
  "x-sluice-token": server.url.split("#token=")[1] ?? "",
});

/** A page that reads what comes. */
const openPage = async (server: Console, query = "") => {
  const ending = new AbortController();
  const answer = await fetch(`${server.origin}/api/live${query}`, {
    headers: headersOf(server),
    signal: ending.signal,
  });
  const lines: LiveLine[] = [];
  const read = async (): Promise<string> => {
    let rest = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of answer.body ?? []) {
        rest += decoder.decode(chunk, { stream: true });
        const parts = rest.split("\n");
        rest = parts.pop() ?? "";
        lines.push(...parts.map((part) => JSON.parse(part) as LiveLine));
      }
    } catch {
      return "broken";
    }
    return rest === "" ? "complete" : "cut";
  };
  const ended = read();
  const leave = (): void => ending.abort();
  opened.push(leave);
  return {
    answer,
    lines,
    ended,
    leave,
    of: <Type extends LiveLine["type"]>(type: Type) =>
      lines.filter((line): line is Extract<LiveLine, { type: Type }> => line.type === type),
  };
};

test("tells rows that match the filter, oldest first, and says at once that it is alive", async () => {
  const feed = createFeed();
  const server = await start(notingHost({ feed }).host);
  const page = await openPage(server, "?route=rows&outcome=rejected");
  await until(() => page.of("alive").length > 0);
  expect(page.answer.headers.get("content-type")).toBe("application/x-ndjson");
  feed.add([...rows(2), ...rows(2, { outcome: "rejected" }), ...rows(1, { outcome: "rejected", route: "mails" })]);
  await until(() => page.of("changes").length > 0);
  expect(page.of("changes")).toMatchObject([{ rows: [{ seq: 3 }, { seq: 4 }], skipped: 0 }]);
});

test("tells at most 500 rows of a moment, the newest, and how many it left out", async () => {
  const feed = createFeed();
  const server = await start(notingHost({ feed }).host);
  const page = await openPage(server);
  await until(() => page.of("alive").length > 0);
  feed.add(rows(1));
  await until(() => page.of("changes").length > 0);
  for (let count = 0; count < 7; count += 1) feed.add(rows(100));
  await until(() => page.of("changes").length > 1);
  const [, line] = page.of("changes");
  expect(line).toMatchObject({ skipped: 200 });
  expect(line?.rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, index) => 202 + index));
});

test("tells that the pipeline was loaded again, before anything of it", async () => {
  const feed = createFeed();
  let tell: () => void = () => {};
  let listeners = 0;
  const onAbout: ConsoleHost["onAbout"] = (listener) => {
    listeners += 1;
    tell = listener;
    return () => {
      listeners -= 1;
    };
  };
  const server = await start(notingHost({ feed, onAbout }).host);
  const page = await openPage(server);
  await until(() => page.of("overview").length > 0);
  feed.add(rows(1));
  tell();
  tell();
  await until(() => page.of("changes").length > 0);
  expect(page.of("about")).toHaveLength(1);
  const types = page.lines.map(({ type }) => type);
  expect(types.indexOf("about")).toBeLessThan(types.indexOf("changes"));
  page.leave();
  await until(() => listeners === 0);
});

test("tells each state of a run, also of one that began before the page", async () => {
  const server = await start(
    notingHost({
      run: (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined))),
    }).host,
  );
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(server.origin + path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { ...headersOf(server), "content-type": "application/json", "idempotency-key": crypto.randomUUID() },
    });
  const { id } = (await (await post("/api/runs", { kind: "verify", pipeline: "orders" })).json()) as {
    readonly id: string;
  };
  const page = await openPage(server);
  await until(() => page.of("run").length > 0);
  expect(page.of("run")).toMatchObject([{ run: { id, state: "running" } }]);
  await post(`/api/runs/${id}/pause`, {});
  await until(() => page.of("run").at(-1)?.run.state === "paused");
});

test("asks the host for the overview only while a page looks, and once for all pages", async () => {
  let asked = 0;
  let atOnce = 0;
  let most = 0;
  const host = notingHost({
    everyMs: 10,
    overview: async () => {
      asked += 1;
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, 15));
      atOnce -= 1;
      return { ...overview, at: asked };
    },
  }).host;
  const server = await start(host);
  expect(asked).toBe(0);
  const pages = await Promise.all([openPage(server), openPage(server), openPage(server)]);
  const get = (): Promise<Response> => fetch(`${server.origin}/api/overview`, { headers: headersOf(server) });
  await Promise.all([get(), get(), get()]);
  await until(() => pages.every((page) => page.of("overview").length > 2));
  expect(most).toBe(1);
  for (const page of pages) page.leave();
  // The server hears a little later that the pages have gone. Then it asks no more.
  let before = -1;
  while (before !== asked) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const late = await openPage(server);
  await until(() => late.of("overview").length > 0);
  expect(late.of("overview")[0]?.overview.at).toBeGreaterThan(before);
});

test("a host that fails leaves the last numbers with a problem, and is asked again", async () => {
  const errors: unknown[] = [];
  const broken = new Error("secret");
  let isBroken = false;
  let asked = 0;
  const host = notingHost({
    everyMs: 5,
    overview: async () => {
      asked += 1;
      if (isBroken) throw broken;
      return { ...overview, at: asked, pipelines: [{ name: "orders", status: "running", since: 1 }] };
    },
  }).host;
  const page = await openPage(await start(host, errors));
  await until(() => page.of("overview").length > 0);
  isBroken = true;
  const problems = () => page.of("overview").filter((line) => line.overview.problems.length > 0);
  await until(() => problems().length > 0);
  isBroken = false;
  expect(problems()[0]?.overview).toMatchObject({
    pipelines: [{ name: "orders" }],
    problems: [expect.not.stringContaining("secret")],
  });
  await until(() => page.of("overview").at(-1)?.overview.problems.length === 0);
  expect(new Set(errors)).toEqual(new Set([broken]));
});

/** Opens an answer, and reads nothing of it. */
const silentPage = async (server: Console): Promise<Socket> => {
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  const token = headersOf(server)["x-sluice-token"];
  socket.write(`GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nX-Sluice-Token: ${token}\r\n\r\n`);
  socket.on("error", () => {});
  opened.push(() => void socket.destroy());
  return socket;
};

test("a page that does not read holds no more memory with more rows", async () => {
  const feed = createFeed({ capacity: 10 });
  const server = await start(notingHost({ feed }).host);
  const silent = await silentPage(server);
  const page = await openPage(server);
  await until(() => page.of("alive").length > 0);
  const long = { keys: { id: { S: "x".repeat(2_000) } } };
  // 400 rows of 2 KB, 40 times: 32 MB, of which sockets hold some 6 MB.
  for (let count = 0; count < 40; count += 1) {
    feed.add(rows(400, long));
    const before = page.of("changes").length;
    await until(() => page.of("changes").length > before);
  }
  let bytes = 0;
  const chunks: Buffer[] = [];
  silent.on("data", (chunk) => {
    bytes += chunk.length;
    chunks.push(chunk);
  });
  silent.resume();
  const ofLast = `"seq":${40 * 400},`;
  await until(() => Buffer.concat(chunks).includes(ofLast));
  expect(bytes).toBeLessThan(20_000_000);
  expect(Buffer.concat(chunks).toString()).toMatch(/"skipped":[1-9]/);
  const all = page.of("changes");
  expect(all.reduce((sum, line) => sum + line.rows.length + line.skipped, 0)).toBe(40 * 400);
});

test("the end of the console completes what pages read, and cuts off who does not read", async () => {
  const feed = createFeed();
  const server = await startConsole({ host: notingHost({ feed }).host });
  const page = await openPage(server);
  const silent = await silentPage(server);
  await until(() => page.of("overview").length > 0);
  for (let count = 0; count < 30; count += 1) {
    feed.add(rows(500, { keys: { id: { S: "x".repeat(2_000) } } }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await server.close();
  expect(await page.ended).toBe("complete");
  silent.resume();
  // A reset is an end, too. `once` would reject.
  if (!silent.closed) await new Promise((resolve) => silent.once("close", resolve));
  await expect(fetch(server.origin)).rejects.toThrow("fetch failed");
});

test("a page that goes leaves nothing behind", async () => {
  const feed = createFeed();
  let listeners = 0;
  const counting = {
    ...feed,
    onRows: (listener: (added: readonly ChangeRow[]) => void) => {
      listeners += 1;
      const leave = feed.onRows(listener);
      return () => {
        listeners -= 1;
        leave();
      };
    },
  };
  const server = await start(notingHost({ feed: counting }).host);
  const pages = await Promise.all(Array.from({ length: 5 }, () => openPage(server)));
  expect(listeners).toBe(5);
  for (const page of pages) page.leave();
  await until(() => listeners === 0);
});

test("more pages than a person can open are refused", async () => {
  const server = await start(notingHost().host);
  const pages = await Promise.all(Array.from({ length: 50 }, () => openPage(server)));
  const refused = await fetch(`${server.origin}/api/live`, { headers: headersOf(server) });
  expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: "TOO_MANY_PAGES" } }]);
  pages[0]?.leave();
  let status = 503;
  while (status === 503) {
    const again = await fetch(`${server.origin}/api/live`, { headers: headersOf(server) });
    status = again.status;
    await again.body?.cancel();
  }
  expect(status).toBe(200);
});
