// Takes the pictures of the console for README.md and docs/console.md: docs/images/console-SCREEN-THEME.png. Runs the films of
// `npm run dev`, whose writes are the same each time, and waits until there is something to see: that takes two minutes.
// Needs Chromium (CHROMIUM_PATH) and a build: npm run build && npm run pictures

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";

/** So many seconds of changes are in the curves. By then there are two dead letters. */
const seconds = 95;
const viewport = { width: 1280, height: 800 };

const startFilms = async () => {
  const child = spawn(process.execPath, ["examples/films/dist/dev.js", "--port", "0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /^Console: (\S+)$/.exec(line) ?? [];
    if (url !== undefined) {
      child.stdout.resume();
      return { child, url: new URL(url) };
    }
  }
  throw new Error("npm run dev ended before its console was ready");
};

/** Asks the interface of the console, as its page does. */
const interfaceOf = (url) => async (path, body) => {
  const headers = { "x-sluice-token": new URLSearchParams(url.hash.slice(1)).get("token") };
  const post = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
  const answer = await fetch(new URL(path, url.origin), {
    ...(body && { method: "POST", body: JSON.stringify(body) }),
    headers: { ...headers, ...(body && post) },
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

/** The address of each screen. */
const addresses = async (ask) => {
  const { queues } = await ask("/api/about");
  const { rows } = await ask("/api/changes?route=postgres&outcome=rejected&limit=1");
  const queue = queues.find(({ kind }) => kind === "dead letters").url;
  const keys = JSON.stringify(rows[0].keys);
  return {
    overview: "/",
    changes: "/changes",
    item: `/item?${new URLSearchParams({ pipeline: "films", keys })}`,
    "dead-letters": `/dead-letters?${new URLSearchParams({ queue })}`,
    runs: "/runs",
    doctor: "/doctor",
  };
};

const takePictures = async (url, screens) => {
  const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      await page.goto(url.href);
      for (const [screen, address] of Object.entries(screens)) {
        await page.goto(url.origin + address);
        await page.getByText("live", { exact: true }).first().waitFor();
        if (screen === "doctor") await page.getByRole("button", { name: "Run the doctor" }).click();
        await sleep(5_000);
        await page.screenshot({ path: `docs/images/console-${screen}-${colorScheme}.png` });
      }
      await context.close();
    }
  } finally {
    await browser.close();
  }
};

const { child, url } = await startFilms();
try {
  const ask = interfaceOf(url);
  await sleep(seconds * 1_000);
  await ask("/api/runs", { kind: "verify", pipeline: "films" });
  await ask("/api/runs", { kind: "backfill", pipeline: "films", routes: ["postgres"], isDryRun: true });
  await sleep(5_000);
  await takePictures(url, await addresses(ask));
} finally {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
