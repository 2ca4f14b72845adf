// What a page on another site can do: nothing. And what the console's own page leaks: nothing.

import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import { startChromium } from "./chromium.ts";
import { type FakeConsole, fakeToken, startFakeConsole } from "./fake.ts";
import { screenAddresses } from "./screen-list.ts";
import { until } from "./until.ts";

const describeWithChromium = await engineOrSkip({ describe, test, afterAll }, () =>
  startChromium({ hosts: ["evil.test"] }),
);

/** A site of an attacker. */
const startEvil = async () => {
  const requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url ?? "", headers: request.headers });
    response.setHeader("content-type", request.url?.endsWith(".js") === true ? "text/javascript" : "text/html");
    response.end(request.url?.endsWith(".js") === true ? "" : "<!doctype html><title>evil</title><body>evil</body>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, requests, stop: () => new Promise((resolve) => server.close(resolve)) };
};

const reads = [
  "/",
  "/page.js",
  "/page.css",
  "/api/about",
  "/api/overview",
  "/api/changes?limit=10",
  "/api/live",
  "/api/runs",
];

/** Bodies that the actions would accept from the console's own page. */
const bodiesOf = ({ fake }: FakeConsole): Record<string, string> => {
  const [letter] = fake.deadLetters();
  const [pipeline] = fake.host.about().pipelines;
  const selection = { queueUrl: letter?.queueUrl, ids: [letter?.id] };
  const item = { pipeline: pipeline?.name, keys: { id: { S: "o-1001" } } };
  const one = { queueUrl: letter?.queueUrl, id: letter?.id };
  const bodies: Record<string, unknown> = {
    "/api/item": item,
    "/api/item/values": item,
    "/api/dead-letters/show": one,
    "/api/dead-letters/export": selection,
    "/api/dead-letters/edit": { ...one, newImage: letter?.keys },
    "/api/dead-letters/drop": selection,
    "/api/runs": { kind: "redrive", pipeline: pipeline?.name, queueUrl: letter?.queueUrl },
    "/api/doctor": {},
  };
  return Object.fromEntries(Object.entries(bodies).map(([path, body]) => [path, JSON.stringify(body)]));
};

describeWithChromium("a page on another site", (chromium) => {
  let world: FakeConsole;
  let evil: Awaited<ReturnType<typeof startEvil>>;
  let bodies: Record<string, string>;

  beforeAll(async () => {
    world = await startFakeConsole({ data: "little" });
    evil = await startEvil();
    bodies = bodiesOf(world);
  });
  afterAll(async () => {
    await world.stop();
    await evil.stop();
  });

  const expectNothingHappened = (): void => {
    expect(world.fake.calls).toEqual([]);
    expect(world.fake.overviews()).toBe(0);
  };

  const sites = {
    "another host": () => `http://evil.test:${evil.port}/`,
    "another port of the same host": () => `http://127.0.0.1:${evil.port}/`,
    "another name of the same host": () => `http://localhost:${evil.port}/`,
  };
  const names = Object.keys(sites) as (keyof typeof sites)[];

  const onSite = async <Value>(
    name: keyof typeof sites,
    attack: (page: EvilPage) => Promise<Value>,
  ): Promise<Value> => {
    const shown = await chromium.show();
    try {
      await shown.page.goto(sites[name]());
      return await attack(shown);
    } finally {
      await shown.close();
    }
  };

  test.each(names)("reads nothing by fetch: %s", async (name) => {
    const read = await onSite(name, ({ page }) =>
      page.evaluate(
        async ({ origin, reads, token }) => {
          const attempts = reads.flatMap((path) => [
            fetch(`${origin}${path}`),
            fetch(`${origin}${path}`, { credentials: "include" }),
            fetch(`${origin}${path}`, { headers: { "x-sluice-token": token } }),
            fetch(`${origin}${path}#token=${token}`),
          ]);
          const answers = await Promise.allSettled(attempts.map(async (attempt) => (await attempt).text()));
          const opaque = await Promise.allSettled(
            reads.map(async (path) => {
              const answer = await fetch(`${origin}${path}`, { mode: "no-cors" });
              return `${answer.type}${await answer.text()}`;
            }),
          );
          return [...answers, ...opaque]
            .map((answer) => (answer.status === "fulfilled" ? answer.value : "refused"))
            .filter((text) => text !== "refused" && text !== "opaque");
        },
        { origin: world.console.origin, reads, token: fakeToken },
      ),
    );
    expect(read).toEqual([]);
    expectNothingHappened();
  });

  test.each(names)("starts no action by fetch, sendBeacon or a form: %s", async (name) => {
    const answered = await onSite(name, ({ page }) =>
      page.evaluate(
        async ({ origin, bodies, token }) => {
          const types = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json",
          ];
          const attempts: Promise<unknown>[] = [];
          for (const [path, body] of Object.entries(bodies)) {
            for (const type of types) {
              const headers = { "content-type": type };
              attempts.push(fetch(`${origin}${path}`, { method: "POST", mode: "no-cors", headers, body }));
              attempts.push(fetch(`${origin}${path}?x-sluice-token=${token}`, { method: "POST", headers, body }));
              const guess = { ...headers, "x-sluice-token": token, "idempotency-key": "guess-12345" };
              attempts.push(fetch(`${origin}${path}`, { method: "POST", headers: guess, body }));
              attempts.push(fetch(`${origin}${path}`, { method: "POST", mode: "no-cors", headers: guess, body }));
            }
            attempts.push(fetch(`${origin}${path}`, { method: "PUT", body }));
            attempts.push(fetch(`${origin}${path}`, { method: "DELETE" }));
            navigator.sendBeacon(`${origin}${path}`, new Blob([body], { type: "text/plain" }));
          }
          const ended = await Promise.allSettled(attempts);
          const frames = Object.entries(bodies).flatMap(([path, body]) =>
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"].map(async (type) => {
              const frame = document.createElement("iframe");
              frame.name = `frame-${Math.random()}`;
              const form = document.createElement("form");
              Object.assign(form, { method: "POST", enctype: type, action: `${origin}${path}`, target: frame.name });
              const field = document.createElement("input");
              Object.assign(field, { name: `${body.slice(0, -1)},"x":"`, value: '"}' });
              form.append(field);
              document.body.append(frame, form);
              const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
              form.submit();
              await loaded;
            }),
          );
          await Promise.all(frames);
          return ended.filter((end) => end.status === "fulfilled" && (end.value as Response).type !== "opaque").length;
        },
        { origin: world.console.origin, bodies, token: fakeToken },
      ),
    );
    expect(answered).toBe(0);
    expectNothingHappened();
  });

  test.each(names)("cannot show it in a frame, nor load a part of it: %s", async (name) => {
    await onSite(name, async ({ page }) => {
      const loaded = await page.evaluate(
        async ({ origin, token }) => {
          const load = (tag: string, attributes: Record<string, string>): Promise<string> =>
            new Promise((resolve) => {
              const element = Object.assign(document.createElement(tag), attributes);
              element.addEventListener("load", () => resolve(`${tag} ${Object.values(attributes).join(" ")}`));
              element.addEventListener("error", () => resolve("refused"));
              document.body.append(element);
            });
          const ends = await Promise.all([
            ...["/api/about", "/api/overview", "/page.js"].map((path) => load("script", { src: `${origin}${path}` })),
            load("script", { src: `${origin}/page.js`, type: "module" }),
            load("link", { href: `${origin}/page.css`, rel: "stylesheet" }),
            ...["/api/about", "/page.css", "/"].map((path) => load("img", { src: `${origin}${path}` })),
          ]);
          for (const path of ["/", `/#token=${token}`, "/dead-letters", "/api/about"]) {
            void load("iframe", { src: `${origin}${path}` });
            void load("embed", { src: `${origin}${path}` });
            void load("object", { data: `${origin}${path}` });
          }
          const socket = await new Promise((resolve) => {
            const opened = new WebSocket(`${origin.replace("http", "ws")}/api/live`);
            opened.onopen = () => resolve("socket");
            opened.onerror = () => resolve("refused");
          });
          const events = await new Promise((resolve) => {
            const opened = new EventSource(`${origin}/api/live`);
            opened.onopen = () => resolve("events");
            opened.onmessage = () => resolve("events");
            opened.onerror = () => resolve("refused");
          });
          // A page of a site without HTTPS has none.
          const workers: ServiceWorkerContainer | undefined = navigator.serviceWorker;
          const worker = await (workers?.register(`${origin}/page.js`) ?? Promise.reject()).then(
            () => "worker",
            () => "refused",
          );
          return [...ends, socket, events, worker].filter((end) => end !== "refused");
        },
        { origin: world.console.origin, token: fakeToken },
      );
      expect(loaded).toEqual([]);
      await until(
        () =>
          page.frames().length > 4 &&
          page
            .frames()
            .slice(1)
            .every((frame) => frame.url() !== ""),
      );
      const texts = await Promise.all(
        page
          .frames()
          .slice(1)
          .map((frame) => frame.evaluate(() => document.querySelector("#page")?.innerHTML ?? "")),
      );
      expect(texts.join("")).toBe("");
    });
    expectNothingHappened();
  });

  test("reads nothing by a name that leads to this machine (DNS rebinding), not even with the token", async () => {
    const shown = await chromium.show();
    const origin = `http://evil.test:${world.console.port}`;
    try {
      const answer = await shown.page.goto(`${origin}/#token=${fakeToken}`);
      expect(answer?.status()).toBe(403);
      expect(await answer?.text()).toContain("HOST_REFUSED");
      const statuses = await shown.page.evaluate(
        async ({ reads, bodies, token }) => {
          const headers = {
            "x-sluice-token": token,
            "content-type": "application/json",
            "idempotency-key": "rebound-12345",
          };
          const answers = await Promise.all([
            ...reads.map((path) => fetch(path, { headers })),
            ...Object.entries(bodies).map(([path, body]) => fetch(path, { method: "POST", headers, body })),
          ]);
          return answers.map((one) => one.status);
        },
        { reads, bodies, token: fakeToken },
      );
      expect(new Set(statuses)).toEqual(new Set([403]));
    } finally {
      await shown.close();
    }
    expectNothingHappened();
  });

  test("has no hold of a console that it opens, and the console answers no message", async () => {
    await onSite("another port of the same host", async ({ page }) => {
      const popup = page.context().waitForEvent("page");
      await page.evaluate((origin) => {
        const opened = window.open(`${origin}/#token=a-guess-of-an-attacker-0123456789-0123456789`);
        Object.assign(globalThis, { opened, heard: [] });
        addEventListener("message", ({ data }) => (globalThis as unknown as { heard: unknown[] }).heard.push(data));
      }, world.console.origin);
      const consolePage = await popup;
      await consolePage.waitForLoadState("load");
      const seen = await page.evaluate(async () => {
        const { opened, heard } = globalThis as unknown as { opened: Window; heard: unknown[] };
        const tries: Record<string, () => unknown> = {
          document: () => opened.document.title,
          storage: () => opened.sessionStorage.length,
          address: () => opened.location.href,
        };
        for (const data of ["token", { type: "token" }, "ping"]) opened.postMessage(data, "*");
        await new Promise((resolve) => setTimeout(resolve, 300));
        const read = Object.entries(tries).filter(([, attempt]) => {
          try {
            return attempt() !== undefined;
          } catch {
            return false;
          }
        });
        return { read: read.map(([what]) => what), heard, isCut: opened.closed };
      });
      expect(seen).toEqual({ read: [], heard: [], isCut: true });
      expect(await consolePage.evaluate(() => window.opener === null)).toBe(true);
    });
    expectNothingHappened();
  });
});

type EvilPage = Awaited<ReturnType<Awaited<ReturnType<typeof startChromium>>["show"]>>;

describeWithChromium("the console's own page", (chromium) => {
  let world: FakeConsole;
  let evil: Awaited<ReturnType<typeof startEvil>>;

  beforeAll(async () => {
    world = await startFakeConsole({ data: "much" });
    evil = await startEvil();
  });
  afterAll(async () => {
    await world.stop();
    await evil.stop();
  });

  test("keeps its token out of addresses, history, cookies, messages and other sites", async () => {
    const { page, record, close } = await chromium.show();
    try {
      await page.goto(world.console.url);
      await page.getByRole("heading", { level: 1 }).waitFor();
      for (const address of screenAddresses(world.fake)) {
        await page.goto(`${world.console.origin}${address}`);
        await page.getByRole("heading", { level: 1 }).waitFor();
        expect(page.url()).not.toContain("token");
      }
      expect(record.requests.join("\n")).not.toContain(fakeToken);
      expect(record.messages.join("\n")).not.toContain(fakeToken);
      expect(await page.context().cookies()).toEqual([]);
      expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(fakeToken);
      expect(await page.content()).not.toContain(fakeToken);
      await page.evaluate((address) => location.assign(address), `http://127.0.0.1:${evil.port}/`);
      await page.getByText("evil").waitFor();
      const seen = await page.evaluate(() =>
        JSON.stringify([document.referrer, sessionStorage, localStorage, document.cookie]),
      );
      expect(seen).toBe('["",{},{},""]');
      expect(JSON.stringify(evil.requests)).not.toContain(fakeToken);
      for (let back = 0; back < 20 && (await page.goBack()) !== null; back++) expect(page.url()).not.toContain("token");
    } finally {
      await close();
    }
  });

  test("violates its own policy on no screen, logs nothing, asks no other machine, and runs no script of a key", async () => {
    const { page, record, close } = await chromium.show();
    try {
      await page.goto(world.console.url);
      for (const address of screenAddresses(world.fake)) {
        await page.goto(`${world.console.origin}${address}`);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.waitForLoadState("load");
      }
      expect(record.violations).toEqual([]);
      expect(record.errors).toEqual([]);
      expect(record.foreign).toEqual([]);
      expect(await page.evaluate(() => "ranFromKey" in globalThis)).toBe(false);
    } finally {
      await close();
    }
  });

  test("needs the token: without one it says what to do, and asks nothing of the host", async () => {
    const before = world.fake.calls.length;
    const { page, close } = await chromium.show();
    try {
      await page.goto(`${world.console.origin}/dead-letters`);
      await page.getByText("sluice", { exact: false }).first().waitFor();
      expect(world.fake.calls.length).toBe(before);
    } finally {
      await close();
    }
  });

  test("does what a page of another site cannot: the requests of the tests above are right", async () => {
    const { page, close } = await chromium.show();
    try {
      await page.goto(`${world.console.origin}/page.css`);
      const statuses = await page.evaluate(
        async ({ bodies, token }) => {
          const statuses: number[] = [];
          for (const [path, body] of Object.entries(bodies)) {
            const headers = {
              "x-sluice-token": token,
              "content-type": "application/json",
              "idempotency-key": `control${path.replaceAll("/", "-")}`,
            };
            statuses.push((await fetch(path, { method: "POST", headers, body })).status);
          }
          return statuses;
        },
        { bodies: bodiesOf(world), token: fakeToken },
      );
      expect(statuses.filter((status) => status >= 400)).toEqual([]);
      const methods = new Set(world.fake.calls.map((call) => call.method));
      for (const method of ["item", "itemValues", "deadLetter", "editDeadLetter", "doctor"])
        expect(methods).toContain(method);
    } finally {
      await close();
    }
  });
});
