// Goes to screens of the console, as a user does.

import type { Page } from "playwright-core";
import type { ShownPage } from "./chromium.ts";
import type { FakeConsole } from "./fake.ts";
import { addressOf, type Screen } from "./screen-list.ts";

/** Waits until a screen shows what it loaded. */
export const loaded = async (page: Page): Promise<void> => {
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.waitForFunction(() => document.querySelector(".skeleton, [aria-busy=true]") === null);
};

/** Opens the address that the console printed, and goes to a screen. */
export const visit = async ({ page }: ShownPage, { console, fake }: FakeConsole, screen: Screen): Promise<void> => {
  // A page that has the token already keeps it over a load.
  if (!page.url().startsWith(console.origin)) {
    await page.goto(console.url);
    await loaded(page);
  }
  await page.goto(`${console.origin}${addressOf(screen, fake)}`);
  await loaded(page);
};
