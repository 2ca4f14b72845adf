// Every screen of the console: axe, keyboard, focus, titles, zoom, and the width of a telephone.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import type { Page } from "playwright-core";
import { axeViolations } from "./axe.ts";
import { type ShownPage, startChromium } from "./chromium.ts";
import { type FakeConsole, type FakeData, fillRuns, startFakeConsole } from "./fake.ts";
import { type Screen, screens } from "./screen-list.ts";
import { loaded, visit } from "./visit.ts";

const describeWithChromium = await engineOrSkip({ describe, test, afterAll }, startChromium);

const runs: Record<FakeData, number> = { none: 0, little: 2, much: 200 };

/** How many pixels the page is wider than its window. A page that scrolls sideways is hard to read. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Presses the tab key until an element with this name has the focus. */
const tabTo = async (page: Page, name: string, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> => {
  for (let stop = 0; stop < 80; stop++) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      return element?.getAttribute("aria-label") ?? element?.textContent?.trim();
    });
    if (focused === name) return;
  }
  throw new Error(`80 stops of the tab key did not reach ${name}`);
};

describeWithChromium("the screens", (chromium) => {
  describe.each<FakeData>(["none", "little", "much"])("with data: %s", (data) => {
    let world: FakeConsole;
    const shown = new Map<number, ShownPage>();

    beforeAll(async () => {
      world = await startFakeConsole({ data });
      await fillRuns(world, runs[data]);
      for (const width of [1280, 390]) shown.set(width, await chromium.show({ width, reducedMotion: "reduce" }));
    });
    afterAll(async () => {
      for (const page of shown.values()) await page.close();
      await world.stop();
    });

    describe.each([1280, 390])("%i pixels wide", (width) => {
      test.each(screens)("%s has no fault that axe finds, in both themes", async (screen) => {
        const visited = shown.get(width);
        if (visited === undefined) throw new Error("no page");
        await visited.page.emulateMedia({ colorScheme: "light" });
        await visit(visited, world, screen);
        expect(await axeViolations(visited.page)).toEqual([]);
        await visited.page.emulateMedia({ colorScheme: "dark" });
        expect(await axeViolations(visited.page, "colors")).toEqual([]);
        expect(await overflow(visited.page)).toBe(0);
        expect(visited.record.errors).toEqual([]);
        expect(visited.record.foreign).toEqual([]);
      });
    });
  });

  describe("with little data", () => {
    let world: FakeConsole;
    let shown: ShownPage;

    beforeAll(async () => {
      world = await startFakeConsole({ data: "little" });
      await fillRuns(world, 2);
      shown = await chromium.show();
    });
    afterAll(async () => {
      await shown.close();
      await world.stop();
    });

    test("have titles of their own, which name the pipeline", async () => {
      const titles = new Set<string>();
      for (const screen of screens.filter((one) => one !== "run")) {
        await visit(shown, world, screen);
        await shown.page.waitForFunction(() => document.title.includes("orders.ts"));
        const title = await shown.page.title();
        expect(title).toContain("orders.ts");
        titles.add(title);
      }
      expect(titles.size).toBe(screens.length - 1);
    });

    test.each<Screen>([...screens])("%s shows where the focus is, at each stop of the tab key", async (screen) => {
      const { page } = shown;
      await visit(shown, world, screen);
      const unseen: string[] = [];
      const seen = new Set<string>();
      for (let stop = 0; stop < 40; stop++) {
        await page.keyboard.press("Tab");
        const { name, isVisible } = await page.evaluate(() => {
          const element = document.activeElement;
          if (element === null || element === document.body) return { name: "body", isVisible: true };
          const box = element.getBoundingClientRect();
          const hasMark = [undefined, "::after"].some((part) => {
            const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element, part);
            return (outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0) || boxShadow !== "none";
          });
          const isWithin = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
          return { name: element.outerHTML.slice(0, 120), isVisible: hasMark && isWithin };
        });
        if (name === "body") break;
        if (!isVisible) unseen.push(name);
        seen.add(name);
      }
      expect(unseen).toEqual([]);
      expect(seen.size).toBeGreaterThan(5);
    });

    test("move the focus to the content when the screen changes", async () => {
      const { page } = shown;
      await visit(shown, world, "overview");
      await page.getByRole("link", { name: "Doctor" }).first().click();
      await page.getByRole("heading", { level: 1, name: "Doctor" }).waitFor();
      await page.waitForFunction(
        () => document.activeElement !== null && document.activeElement.closest("main") !== null,
      );
    });

    test("move nothing if the user wants no motion", async () => {
      const calm = await chromium.show({ reducedMotion: "reduce" });
      try {
        for (const screen of screens) {
          await visit(calm, world, screen);
          const moving = await calm.page.evaluate(() =>
            document
              .getAnimations()
              .filter((animation) => animation.playState === "running")
              .map((animation) => {
                const { iterations, duration } = animation.effect?.getComputedTiming() ?? {};
                return { iterations, duration: Number(duration) };
              })
              .filter(({ duration }) => duration > 50),
          );
          expect(moving).toEqual([]);
        }
      } finally {
        await calm.close();
      }
    });

    test("are whole at a zoom of 200 %: nothing scrolls sideways", async () => {
      // Zoom halves the pixels of CSS and doubles those of the device.
      const zoomed = await chromium.show({ width: 640, height: 450, scale: 2 });
      try {
        for (const screen of screens) {
          await visit(zoomed, world, screen);
          expect({ screen, overflow: await overflow(zoomed.page) }).toEqual({ screen, overflow: 0 });
        }
      } finally {
        await zoomed.close();
      }
    });

    test("let a dead letter be redriven with the keyboard alone, from the start to its outcome", async () => {
      const { page } = shown;
      await visit(shown, world, "overview");
      await Promise.all([page.keyboard.press("g"), page.keyboard.press("d")]);
      await page.getByRole("button", { name: "Show dead letter dl-00002" }).waitFor();
      await loaded(page);
      await tabTo(page, "Select dead letter dl-00002");
      await page.keyboard.press("Space");
      await tabTo(page, "Dry run", "Shift+Tab");
      await page.keyboard.press("Enter");
      await page
        .locator(".letter-outcome")
        .filter({ hasText: /would be.*delivered/ })
        .waitFor();
      expect(world.fake.deadLetters()).toHaveLength(3);
      await tabTo(page, "Redrive");
      await page.keyboard.press("Enter");
      await page.getByText("left the queue").waitFor();
      expect(world.fake.deadLetters().map(({ id }) => id)).toEqual(["dl-00000", "dl-00001"]);
      expect(await axeViolations(page)).toEqual([]);
      // The dialog, its values and its editor, by the keyboard too.
      await tabTo(page, "Show dead letter dl-00000");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await tabTo(page, "Show the values");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Hide again" }).waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await tabTo(page, "Edit and publish again…");
      await page.keyboard.press("Enter");
      await page.getByRole("textbox", { name: /The item as/ }).waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await tabTo(page, "Publish again to orders-to-postgres");
      await page.keyboard.press("Enter");
      await page.getByText("Published again").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      expect(world.fake.deadLetters().map(({ id }) => id)).toEqual(["dl-00001"]);
    });

    test("show the report of the doctor, results of runs, values and questions without a fault that axe finds", async () => {
      const { page } = shown;
      await visit(shown, world, "doctor");
      await page.getByRole("button", { name: "Run the doctor" }).click();
      await page.getByText("FAKE_FINDING_0").first().waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await visit(shown, world, "item");
      await page.getByRole("button", { name: "Show the values" }).click();
      await page.getByRole("button", { name: "Hide again" }).waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await visit(shown, world, "dead-letters");
      await page.getByRole("checkbox", { name: /Select all/ }).check();
      await page.getByRole("button", { name: "Drop…" }).click();
      await page.getByRole("dialog").waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      for (const kind of ["Backfill", "Verify", "Redrive"]) {
        await visit(shown, world, "runs");
        await page.getByRole("button", { name: kind, exact: true }).first().click();
        await page.getByRole("button", { name: /Start the/ }).waitFor();
        expect(await axeViolations(page)).toEqual([]);
      }
      await page.goto(`${world.console.origin}/runs`);
      await loaded(page);
      await page.locator("main a[href^='/runs?id=']").first().click();
      await page.getByRole("heading", { level: 2 }).first().waitFor();
      expect(await axeViolations(page)).toEqual([]);
    });

    test("are reached with the keyboard alone", async () => {
      const { page } = shown;
      await visit(shown, world, "overview");
      for (const [key, title] of [
        ["c", "Changes"],
        ["d", "Dead letters"],
        ["r", "Runs"],
        ["h", "Doctor"],
        ["i", "Item"],
        ["o", "Overview"],
      ] as const) {
        // The page waits 1.5 s for the second key.
        await Promise.all([page.keyboard.press("g"), page.keyboard.press(key)]);
        await page.getByRole("heading", { level: 1, name: title }).waitFor();
      }
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await loaded(page);
    });
  });
});
