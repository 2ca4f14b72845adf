// Takes pictures of every screen: in both themes, with no data, little and much, on a desk and on a telephone.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { type Chromium, startChromium } from "./chromium.ts";
import { type FakeConsole, type FakeData, fillRuns, startFakeConsole } from "./fake.ts";
import { type Screen, screens } from "./screen-list.ts";
import { loaded, visit } from "./visit.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: ".cache/console-screens" },
    only: { type: "string", default: screens.join() },
    data: { type: "string", default: "none,little,much" },
    width: { type: "string", default: "1280,390" },
    theme: { type: "string", default: "light,dark" },
  },
});

const runCounts: Record<FakeData, number> = { none: 0, little: 2, much: 200 };

const themes = ["light", "dark"] as const;

/** What a screen shows only after a click. */
const opened: Readonly<Partial<Record<Screen, Readonly<Record<string, readonly string[]>>>>> = {
  changes: { help: ["Keyboard shortcuts"] },
  item: { values: ["Show the values"] },
  "dead-letters": {
    show: ["Show dead letter dl-00000", "Show the values"],
    edit: ["Show dead letter dl-00000", "Edit and publish again…"],
    drop: ["Select all", "Drop…"],
    redriven: ["Select all", "Redrive"],
  },
  runs: { backfill: ["Backfill"], verify: ["Verify"], redrive: ["Redrive"] },
  doctor: { report: ["Run the doctor"] },
};

/** Clicks through to what is shown after clicks. Not every amount of data, and not every width, has all of them. */
const clickThrough = async (page: Page, names: readonly string[]): Promise<boolean> => {
  for (const name of names) {
    const found = page.getByRole(name.startsWith("Select") ? "checkbox" : "button", { name }).last();
    if (!(await found.isVisible())) return false;
    await found.click();
    await page.waitForTimeout(400);
  }
  return true;
};

const pictures = async (page: Page, screen: Screen, look: Look): Promise<void> => {
  const path = (name: string): string => join(values.out, `${[name, look.data, look.theme, look.width].join("-")}.png`);
  await page.screenshot({ path: path(screen), fullPage: look.data !== "much" });
  for (const [name, clicks] of Object.entries(opened[screen] ?? {})) {
    await page.reload();
    await loaded(page);
    if (await clickThrough(page, clicks)) await page.screenshot({ path: path(`${screen}-${name}`), fullPage: true });
  }
};

const picture = async (chromium: Chromium, world: FakeConsole, screen: Screen, look: Look): Promise<void> => {
  const shown = await chromium.show({
    width: look.width,
    height: look.width < 500 ? 844 : 900,
    colorScheme: look.theme,
    reducedMotion: "reduce",
  });
  const { page, record, close } = shown;
  try {
    await visit(shown, world, screen);
    await page.waitForTimeout(600);
    await pictures(page, screen, look);
    for (const error of record.errors) process.stdout.write(`${screen} ${JSON.stringify(look)}: ${error}\n`);
  } finally {
    await close();
  }
};

interface Look {
  readonly data: FakeData;
  readonly theme: (typeof themes)[number];
  readonly width: number;
}

const lists = (text: string): readonly string[] => text.split(",");

await mkdir(values.out, { recursive: true });
const chromium = await startChromium();
for (const data of lists(values.data) as FakeData[]) {
  const world = await startFakeConsole({ data, changesPerSecond: data === "much" ? 20 : 0 });
  await fillRuns(world, runCounts[data]);
  for (const screen of screens.filter((one) => lists(values.only).includes(one))) {
    for (const theme of themes.filter((one) => lists(values.theme).includes(one))) {
      for (const width of lists(values.width))
        await picture(chromium, world, screen, { data, theme, width: Number(width) });
    }
  }
  await world.stop();
}
await chromium.stop();
