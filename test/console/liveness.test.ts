// The page stays alive: under many changes, in many tabs, and when the server stops, hangs or comes back.

import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startConsole } from "@sluice/console";
import { engineOrSkip, freePort } from "@sluice/local";
import type { Page } from "playwright-core";
import { type ShownPage, startChromium } from "./chromium.ts";
import { createFakeHost, type FakeConsole, fakeToken, startFakeConsole } from "./fake.ts";
import { startSilentProxy } from "./proxy.ts";
import { until } from "./until.ts";
import { loaded, visit } from "./visit.ts";

const describeWithChromium = await engineOrSkip({ describe, test, afterAll }, startChromium);

const connection = (page: Page, state: "live" | "disconnected") =>
  page.locator(".connection").filter({ hasText: state }).waitFor();

const deliveries = async (page: Page): Promise<string> =>
  (await page
    .getByText(/in total/)
    .first()
    .textContent()) ?? "";

interface Frames {
  readonly gaps: readonly number[];
  readonly longTasks: readonly number[];
}

const watchFrames = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const gaps: number[] = [];
    const longTasks: number[] = [];
    Object.assign(globalThis, { frames: { gaps, longTasks } });
    let last = performance.now();
    const frame = (now: number): void => {
      gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longTasks.push(duration);
    }).observe({ entryTypes: ["longtask"] });
  });

const quantile = (numbers: readonly number[], part: number): number =>
  [...numbers].sort((one, other) => one - other)[Math.floor((numbers.length - 1) * part)] ?? 0;

const printFrames = async (page: Page, name: string): Promise<void> => {
  const { gaps, longTasks } = await page.evaluate(() => (globalThis as unknown as { frames: Frames }).frames);
  const [median, p95, highest] = [0.5, 0.95, 1].map((part) => quantile(gaps, part).toFixed(1));
  const longest = Math.max(0, ...longTasks).toFixed(0);
  process.stdout.write(
    `${name}: ${gaps.length} frames, gap median ${median} ms, p95 ${p95} ms, highest ${highest} ms; ${longTasks.length} tasks above 50 ms, the longest ${longest} ms\n`,
  );
};

describeWithChromium("the page", (chromium) => {
  let shown: ShownPage;
  beforeEach(async () => {
    shown = await chromium.show();
  });
  afterEach(() => shown.close());

  describe("with 1,000 changes a second", () => {
    let world: FakeConsole;
    beforeEach(async () => {
      world = await startFakeConsole({ data: "little", changesPerSecond: 1_000 });
    });
    afterEach(() => world.stop());

    test("shows the newest, holds a bounded number of rows and elements, and takes what is typed", async () => {
      const { page, record } = shown;
      await visit(shown, world, "changes");
      await watchFrames(page);
      const counts: { readonly elements: number; readonly heap: number }[] = [];
      for (let second = 0; second < 8; second++) {
        await page.waitForTimeout(1_000);
        counts.push(
          await page.evaluate(() => ({
            elements: document.querySelectorAll("*").length,
            heap: (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
          })),
        );
      }
      expect(Math.max(...counts.map(({ elements }) => elements))).toBeLessThan(3_000);
      await printFrames(page, "changes, 1,000 a second");
      process.stdout.write(`heap: ${counts.map(({ heap }) => `${(heap / 1e6).toFixed(0)} MB`).join(", ")}\n`);

      const filter = page.getByRole("searchbox", { name: "Key contains" });
      await filter.pressSequentially("o-1003", { delay: 20 });
      expect(await filter.inputValue()).toBe("o-1003");
      await page.waitForURL(/key=o-1003/);
      await loaded(page);
      await until(async () => {
        const keys = await page.locator(".change .change-key").allTextContents();
        const shownKeys = keys.filter((key) => key !== "Key");
        return shownKeys.length > 0 && shownKeys.every((key) => key.includes("o-1003"));
      }, "only rows that match");
      expect(record.errors).toEqual([]);
    });

    test("moves the numbers of the overview", async () => {
      const { page, record } = shown;
      await visit(shown, world, "overview");
      await watchFrames(page);
      const before = await deliveries(page);
      await until(async () => (await deliveries(page)) !== before, "a higher count");
      await page.waitForTimeout(4_000);
      await printFrames(page, "overview, 1,000 a second");
      expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(3_000);
      expect(record.errors).toEqual([]);
    });
  });

  describe("with few changes", () => {
    let world: FakeConsole;
    beforeEach(async () => {
      world = await startFakeConsole({ data: "little" });
    });
    afterEach(() => world.stop());

    test("keeps filters in the address: a link has them, the back button brings them back, a load keeps them", async () => {
      const { page } = shown;
      await visit(shown, world, "changes");
      const outcome = page.getByRole("combobox", { name: "Outcome" });
      const route = page.getByRole("combobox", { name: "Route" });
      await outcome.selectOption("delivered");
      await page.waitForURL(/outcome=delivered/);
      await route.selectOption("order-events");
      await page.waitForURL(/route=order-events/);
      const address = page.url();
      await page.locator(".change a[href^='/item']").first().click();
      await page.waitForURL(/\/item/);
      await page.goBack();
      await page.waitForURL(address);
      expect([await outcome.inputValue(), await route.inputValue()]).toEqual(["delivered", "order-events"]);
      await page.reload();
      await loaded(page);
      await connection(page, "live");
      expect([await outcome.inputValue(), await route.inputValue()]).toEqual(["delivered", "order-events"]);
      await page.goBack();
      expect(await route.inputValue()).toBe("");
      const other = await chromium.show();
      try {
        await other.page.goto(world.console.url);
        await loaded(other.page);
        await other.page.goto(address);
        await loaded(other.page);
        const routes = await other.page.locator(".change .change-route").allTextContents();
        expect(new Set(routes.filter((name) => name !== "Route"))).toEqual(new Set(["order-events"]));
      } finally {
        await other.close();
      }
    });

    test("opens a link with filters and the token at once", async () => {
      const { page } = shown;
      await page.goto(`${world.console.origin}/changes?outcome=delivered#token=${fakeToken}`);
      await loaded(page);
      await connection(page, "live");
      expect(page.url()).toBe(`${world.console.origin}/changes?outcome=delivered`);
      expect(await page.getByRole("combobox", { name: "Outcome" }).inputValue()).toBe("delivered");
    });

    test("goes on by itself after a restart with the same token, and says what to do after one with another", async () => {
      const { page } = shown;
      const fake = createFakeHost({ data: "little" });
      const first = await startConsole({ host: fake.host, token: fakeToken, port: await freePort() });
      await page.goto(first.url);
      await connection(page, "live");
      const before = await deliveries(page);
      await first.close();
      await connection(page, "disconnected");
      await page.getByText("does not answer").waitFor();
      fake.change(5);
      const second = await startConsole({ host: fake.host, token: fakeToken, port: first.port });
      await connection(page, "live");
      await until(async () => (await deliveries(page)) !== before, "the changes of the time without a connection");
      await second.close();
      const third = await startConsole({ host: fake.host, port: first.port });
      await page.getByRole("heading", { name: "Open the address that the command printed" }).waitFor();
      // The same tab opens the new address: only its fragment differs.
      await page.goto(third.url);
      await connection(page, "live");
      expect(page.url()).not.toContain("token");
      await third.close();
      fake.stop();
    });

    test("notices a server that hangs, and goes on when it answers again", async () => {
      const { page } = shown;
      const fake = createFakeHost({ data: "little" });
      const server = await startConsole({ host: fake.host, token: fakeToken, isReachable: true });
      const proxy = await startSilentProxy(server.port);
      await page.clock.install();
      await page.goto(`http://127.0.0.1:${proxy.port}/#token=${fakeToken}`);
      await connection(page, "live");
      proxy.hush();
      await until(async () => {
        await page.clock.fastForward(5_000);
        return (await page.locator(".connection").textContent())?.includes("disconnected");
      }, "the page to notice the silence");
      proxy.wake();
      await until(async () => {
        await page.clock.fastForward(1_000);
        return (await page.locator(".connection").textContent())?.includes("live");
      }, "a new connection");
      await proxy.stop();
      await server.close();
      fake.stop();
    });

    test("shows an error of the host, and does not hide that it knows no more", async () => {
      const { page } = shown;
      await visit(shown, world, "overview");
      world.fake.script("overview", { rejects: "the queue does not answer", name: "Error" });
      await page.getByText("the overview could not be read").waitFor();
      world.fake.script("overview", undefined);
      await page.getByText("the overview could not be read").waitFor({ state: "hidden" });
    });

    test("shows that a pipeline is broken, why, and that it goes on", async () => {
      const { page } = shown;
      await visit(shown, world, "overview");
      world.fake.setStatus("orders", "broken", "orders.ts:12:5: expected )\n  found ;");
      await page.getByText("orders.ts:12:5: expected )").waitFor();
      await page.locator(".header .status").filter({ hasText: "broken" }).waitFor();
      world.fake.setStatus("orders", "running");
      await page.getByText("orders.ts:12:5: expected )").waitFor({ state: "hidden" });
    });

    test("is live in seven tabs at once, though a browser opens six connections to one server", async () => {
      await visit(shown, world, "overview");
      const pages = [shown.page];
      for (let tab = 1; tab < 7; tab++) {
        const page = await shown.tab();
        await page.goto(world.console.url);
        pages.push(page);
      }
      for (const page of pages) await connection(page, "live");
      const before = await Promise.all(pages.map(deliveries));
      world.fake.change(5);
      for (const [index, page] of pages.entries()) {
        await until(async () => (await deliveries(page)) !== before[index], `a change in tab ${index + 1}`);
      }
      // An action finds a free connection too.
      const last = pages.at(-1);
      if (last === undefined) throw new Error("no tab");
      await last.goto(`${world.console.origin}/doctor`);
      await last
        .getByRole("button", { name: /doctor|check/i })
        .first()
        .click();
      await until(() => world.fake.calls.some(({ method }) => method === "doctor"), "the doctor's answer");
    });

    test("does an action once that is clicked twice", async () => {
      const { page } = shown;
      await visit(shown, world, "doctor");
      const calls = (): number => world.fake.calls.filter(({ method }) => method === "doctor").length;
      const before = calls();
      world.fake.script("doctor", { afterMs: 4_000 });
      await page
        .getByRole("button", { name: /doctor|check|run/i })
        .first()
        .dblclick();
      await until(() => calls() > before, "a call");
      await page.waitForTimeout(600);
      expect(calls()).toBe(before + 1);
    });
  });
});
