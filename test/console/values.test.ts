// Values of items: none reaches the page before a click, in any way; after the click they are there, and then gone again.

import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import type { Page } from "playwright-core";
import { type ShownPage, startChromium } from "./chromium.ts";
import { canary, type FakeConsole, fillRuns, startFakeConsole } from "./fake.ts";
import { screens } from "./screen-list.ts";
import { until } from "./until.ts";
import { loaded, visit } from "./visit.ts";

const describeWithChromium = await engineOrSkip({ describe, test, afterAll }, startChromium);

/** Reads every answer of the server, also those of the long answer, which has no end: the page's own readers are watched. */
const watchAnswers = async (page: Page): Promise<void> => {
  await page.addInitScript(() => {
    const texts: string[] = [];
    Object.assign(globalThis, { answers: texts });
    const ask = globalThis.fetch;
    globalThis.fetch = async (...request) => {
      const answer = await ask(...request);
      const { body } = answer;
      if (body === null) return answer;
      const [mine, theirs] = body.tee();
      const reader = mine.pipeThrough(new TextDecoderStream()).getReader();
      const read = async (): Promise<void> => {
        for (let part = await reader.read(); !part.done; part = await reader.read()) texts.push(part.value);
      };
      // The page ends answers that it no longer needs.
      void read().catch(() => undefined);
      const { status, statusText, headers } = answer;
      return new Response(theirs, { status, statusText, headers });
    };
  });
};

const everything = (page: Page): Promise<{ readonly answers: string; readonly rest: string }> =>
  page.evaluate(() => ({
    answers: (globalThis as unknown as { answers: string[] }).answers.join(""),
    rest: JSON.stringify([
      document.documentElement.outerHTML,
      [...document.querySelectorAll("input, textarea")].map((field) => (field as HTMLInputElement).value),
      sessionStorage,
      localStorage,
      history.state,
      location.href,
    ]),
  }));

/** Not Playwright's `count`: also texts of attributes and fields. */
const holds = async (page: Page, text: string): Promise<boolean> => (await everything(page)).rest.includes(text);

describeWithChromium("values of items", (chromium) => {
  let world: FakeConsole;
  let shown: ShownPage;

  const start = async (about: Parameters<typeof startFakeConsole>[0]["about"] = {}): Promise<void> => {
    world = await startFakeConsole({ data: "little", about });
    await fillRuns(world, 2);
    shown = await chromium.show();
    await watchAnswers(shown.page);
  };
  afterEach(async () => {
    await shown.close();
    await world.stop();
  });

  describe("of a console that shows keys", () => {
    beforeEach(() => start());

    test("are on no screen, in no answer and in no storage before a click", async () => {
      for (const screen of screens) {
        await visit(shown, world, screen);
        await shown.page.locator(".connection").filter({ hasText: "live" }).waitFor();
        world.fake.change(3);
        await shown.page.waitForTimeout(400);
        const { answers, rest } = await everything(shown.page);
        expect(answers.length).toBeGreaterThan(100);
        expect(`${answers}${rest}`).not.toContain(canary);
      }
      expect(world.fake.calls.map(({ method }) => method)).not.toContain("itemValues");
      expect(world.fake.calls.map(({ method }) => method)).not.toContain("deadLetter");
    });

    test("of an item come with a click, and go with the next", async () => {
      const { page } = shown;
      await visit(shown, world, "item");
      await page.getByRole("button", { name: "Show the values" }).click();
      await page.getByText(`${canary}4111`).first().waitFor();
      // The first target of this item differs in its city.
      await page.getByRole("row", { name: /city.*differs/ }).waitFor();
      expect(world.fake.calls.filter(({ method }) => method === "itemValues")).toHaveLength(1);
      await page.getByRole("button", { name: "Hide again" }).click();
      expect(await holds(page, canary)).toBe(false);
    });

    test("of an item that is hidden again do not come with the next item", async () => {
      const { page } = shown;
      await visit(shown, world, "item");
      await page.getByRole("button", { name: "Show the values" }).click();
      await page.getByText(`${canary}4111`).first().waitFor();
      await page.getByRole("textbox", { name: "id" }).fill("o-1002");
      await page.getByRole("button", { name: "Look", exact: true }).click();
      await page.waitForURL(/o-1002/);
      await loaded(page);
      expect(await holds(page, canary)).toBe(false);
    });

    test("that arrive after the user has hidden them are not shown", async () => {
      const { page } = shown;
      await visit(shown, world, "item");
      world.fake.script("itemValues", { afterMs: 4_000 });
      await page.getByRole("button", { name: "Show the values" }).click();
      await page.getByRole("button", { name: /stop/ }).click();
      await page.waitForTimeout(5_000);
      expect(await holds(page, canary)).toBe(false);
      expect(await page.getByRole("button", { name: "Show the values" }).count()).toBe(1);
    });

    test("of a dead letter come with a click on show the values, not with the dialog, and go with it", async () => {
      const { page } = shown;
      await visit(shown, world, "dead-letters");
      await page.getByRole("button", { name: "Show dead letter dl-00001" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      await page.waitForTimeout(300);
      const { answers, rest } = await everything(page);
      expect(`${answers}${rest}`).not.toContain(canary);
      await dialog.getByRole("button", { name: "Show the values" }).click();
      await dialog.getByText(`${canary}4111`).first().waitFor();
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
      expect(await holds(page, canary)).toBe(false);
    });
  });

  describe("of a console that hides keys", () => {
    beforeEach(() => start({ hidesKeys: true }));

    test("keys are not to be seen before a click, on the screens of changes and dead letters", async () => {
      const { page } = shown;
      for (const screen of ["changes", "dead-letters"] as const) {
        await visit(shown, world, screen);
        await page.getByRole("button", { name: "Show key" }).first().waitFor();
        const html = await page.evaluate(() => document.documentElement.outerHTML);
        expect(html).not.toMatch(/o-10\d\d/);
        await page.getByRole("button", { name: "Show key" }).first().click();
        await until(async () => /o-10\d\d/.test((await page.locator("main").textContent()) ?? ""), "the key");
      }
    });

    test("the key of the item that is looked at is hidden too, and in a field that hides it", async () => {
      const { page } = shown;
      await visit(shown, world, "item");
      expect(await page.locator("main").textContent()).not.toMatch(/o-1001/);
      expect(await page.locator("#key-id").getAttribute("type")).toBe("password");
      await page.getByRole("button", { name: "Show the key" }).click();
      expect(await page.locator("#key-id").inputValue()).toBe("o-1001");
    });
  });
});
