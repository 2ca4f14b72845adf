// Takes pictures of every screen: in both themes, with no data, little and much, on a desk and on a telephone.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Chromium, startChromium } from "./chromium.ts";
import { type FakeConsole, type FakeData, fillRuns, startFakeConsole } from "./fake.ts";
import { addressOf, type Screen, screens } from "./screen-list.ts";

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

/** Opens what a screen shows only after a click. */
const picture = async (chromium: Chromium, world: FakeConsole, screen: Screen, look: Look): Promise<void> => {
  const { page, record, close } = await chromium.show({
    width: look.width,
    height: look.width < 500 ? 844 : 900,
    colorScheme: look.theme,
    reducedMotion: "reduce",
  });
  try {
    await page.goto(world.console.url);
    await page.goto(`${world.console.origin}${addressOf(screen, world.fake)}`);
    await page.waitForTimeout(900);
    const name = [screen, look.data, look.theme, look.width].join("-");
    await page.screenshot({ path: join(values.out, `${name}.png`), fullPage: look.data !== "much" });
    for (const error of record.errors) process.stdout.write(`${name}: ${error}\n`);
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
