// Every action of the console's screens, with real engines behind: `sluice dev` runs a pipeline to Postgres, DynamoDB and SQS.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import { axeViolations } from "./axe.ts";
import { type ShownPage, startChromium } from "./chromium.ts";
import { type DevProcess, fileBelow, ordersModule, startDevProcess } from "./dev-process.ts";
import { until } from "./until.ts";
import { loaded } from "./visit.ts";

const describeWithChromium = await engineOrSkip({ describe, test, afterAll }, startChromium);

const seedCount = 120;

describeWithChromium("the console of sluice dev", (chromium) => {
  let dev: DevProcess;
  let shown: ShownPage;

  beforeAll(async () => {
    dev = await startDevProcess(seedCount);
    shown = await chromium.show();
    await shown.page.goto(dev.url);
    await loaded(shown.page);
  }, 170_000);
  afterAll(async () => {
    await shown?.close();
    await dev?.stop();
  });

  const goto = async (address: string): Promise<void> => {
    await shown.page.goto(new URL(address, dev.url).href);
    await loaded(shown.page);
  };
  const put = (id: string, total: { readonly N: string } | { readonly S: string }) =>
    dev.dynamodb.putItem({ TableName: "orders", Item: { id: { S: id }, customer: { S: "c" }, total } });
  const rowOf = async (id: string): Promise<{ readonly total: string | null } | undefined> =>
    (await dev.postgres.query("SELECT total FROM orders WHERE id = $1", [id])).rows[0];
  const arrived = (id: string) => until(() => rowOf(id), `the row of ${id}`);
  const deadLetterOf = async (id: string): Promise<string> => {
    await put(id, { S: "not a number" });
    await until(async () => {
      await goto(`/dead-letters?text=${id}`);
      return (await shown.page.locator(".letter-row").count()) > 0;
    }, `the dead letter of ${id}`);
    const label = await shown.page.locator(".letter-row input").first().getAttribute("aria-label");
    return (label ?? "").replace("Select dead letter ", "");
  };

  test("overview: the seed is delivered by each route, and the lines to paste work", async () => {
    const { page } = shown;
    await until(async () => {
      const { rows } = await dev.postgres.query("SELECT count(*)::int AS count FROM orders");
      return rows[0].count >= seedCount;
    }, "the rows of the seed");
    await goto("/");
    for (const route of ["postgres", "copies", "events"]) {
      await page.getByRole("link", { name: route, exact: true }).first().waitFor();
    }
    await page.getByText(`${seedCount * 3} in total`).waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  test("changes: an item that is put appears in each route, live", async () => {
    const { page } = shown;
    await goto("/changes?key=live-1");
    await page.getByText("No change matches").waitFor();
    await put("live-1", { N: "12.5" });
    await until(async () => (await page.locator(".change a[href^='/item']").count()) === 3, "three rows");
    expect(new Set(await page.locator(".change:not(.change-head) .change-outcome").allInnerTexts())).toEqual(
      new Set(["delivered"]),
    );
    expect(await rowOf("live-1")).toEqual({ total: "12.5" });
  });

  test("item: equal, and different after the row is changed in Postgres; its values on a click", async () => {
    const { page } = shown;
    await goto("/changes?key=live-1");
    await page.locator(".change a[href^='/item']").first().click();
    await page.waitForURL(/\/item\?/);
    await loaded(page);
    await until(async () => (await page.getByText("up to date").count()) >= 2, "two targets that are up to date");
    await dev.postgres.query("UPDATE orders SET total = 99 WHERE id = 'live-1'");
    await page.getByRole("button", { name: "Look again" }).click();
    await page.getByText("differs").first().waitFor();
    expect(await page.locator("main").textContent()).not.toContain("99");
    await page.getByRole("button", { name: "Show the values" }).click();
    const row = page.getByRole("row", { name: /total.*differs/ });
    await row.waitFor();
    expect(await row.textContent()).toMatch(/99.*12\.5/s);
    expect(await axeViolations(page)).toEqual([]);
  });

  test("runs: a verify finds the row that differs, and a repair heals it", async () => {
    const { page } = shown;
    await goto("/runs?start=verify");
    await page.getByRole("button", { name: "Start the verify" }).click();
    await page.waitForURL(/\/runs\?id=/);
    await page.getByRole("heading", { name: /1 that differ/ }).waitFor({ timeout: 90_000 });
    await page.getByText("live-1").first().waitFor();
    expect(await rowOf("live-1")).toEqual({ total: "99" });
    await goto("/runs?start=verify");
    await page.getByRole("checkbox", { name: /Repair/ }).check();
    await page.getByRole("button", { name: "Start the verify" }).click();
    await page.waitForURL(/\/runs\?id=/);
    await until(async () => (await rowOf("live-1"))?.total === "12.5", "the repaired row", 90_000);
    await page.getByText("repaired").first().waitFor();
  });

  test("dead letters: a dry run and a redrive fail, the edited one reaches Postgres", async () => {
    const { page } = shown;
    const id = await deadLetterOf("bad-1");
    await page.getByRole("checkbox", { name: `Select dead letter ${id}` }).check();
    await page.getByRole("button", { name: "Dry run" }).click();
    await page.getByText("would be").first().waitFor();
    await page.getByRole("button", { name: "Redrive", exact: true }).click();
    await page.locator(".letter-row").getByText("stays").waitFor();
    expect(await rowOf("bad-1")).toBeUndefined();

    await page.getByRole("button", { name: `Show dead letter ${id}` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Show the values" }).click();
    await dialog.getByText("not a number").first().waitFor();
    await dialog.getByRole("button", { name: /Edit and publish/ }).click();
    const editor = dialog.getByRole("textbox", { name: /The item as/ });
    const item = JSON.parse(await editor.inputValue());
    await editor.fill(JSON.stringify({ ...item, total: { N: "7" } }));
    await dialog.getByRole("button", { name: /Publish again/ }).click();
    await dialog.getByText("Published again").waitFor();
    expect(await arrived("bad-1")).toEqual({ total: "7" });
    await page.keyboard.press("Escape");
    await goto("/dead-letters?text=bad-1");
    expect(await page.locator(".letter-row").count()).toBe(0);
    // The deliveries of the redrives have the item's key, too: one that failed, and the edited one.
    await goto("/changes?key=bad-1&route=postgres");
    await until(async () => (await page.locator(".change a[href^='/item']").count()) >= 3, "the item's deliveries");
  });

  test("dead letters: export gives a file that can be sent again; drop deletes, and leaves a file", async () => {
    const { page } = shown;
    const id = await deadLetterOf("bad-2");
    await page.getByRole("checkbox", { name: `Select dead letter ${id}` }).check();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export" }).click();
    const stream = await (await download).createReadStream();
    const lines = Buffer.concat(await stream.toArray())
      .toString("utf8")
      .trim()
      .split("\n");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("bad-2");

    await page.getByRole("button", { name: "Drop…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("1");
    await dialog.getByRole("button", { name: "Drop 1" }).click();
    await page.getByText("1 dead letter dropped").waitFor();
    const file = (await page.locator(".notice code").first().textContent()) ?? "";
    expect(await fileBelow(dev.folder, new RegExp(`${file.split("/").at(-1)}$`))).toContain("bad-2");
    await goto("/dead-letters?text=bad-2");
    expect(await page.locator(".letter-row").count()).toBe(0);
    expect(await rowOf("bad-2")).toBeUndefined();
  });

  test("runs: a backfill is paused, goes on where it stopped, and another one is cancelled", async () => {
    const { page } = shown;
    const start = async (): Promise<void> => {
      await goto("/runs?start=backfill");
      await page.getByRole("textbox", { name: /Items a second/ }).fill("5");
      await page.getByRole("checkbox", { name: /Dry run/ }).uncheck();
      await page.getByRole("button", { name: "Start the backfill" }).click();
      await page.waitForURL(/\/runs\?id=/);
    };
    await start();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor({ timeout: 60_000 });
    await page.getByText("Resume goes on where it stopped.").waitFor();
    await page.reload();
    await loaded(page);
    await page.getByRole("button", { name: "Resume" }).click();
    // The item whose dead letter was dropped is still in the table, and is rejected again.
    await page.getByText(/^(Nothing|Something) is left to do/).waitFor({ timeout: 90_000 });
    await start();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator("main").getByText("cancelled").first().waitFor({ timeout: 60_000 });
    await goto("/runs");
    expect(await page.locator("main a[href^='/runs?id=']").count()).toBeGreaterThanOrEqual(2);
  });

  test("doctor: judges the targets of the pipeline, and says what was checked", async () => {
    const { page } = shown;
    await goto("/doctor");
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page
      .getByRole("status")
      .getByText(/\d+ codes? checked\./)
      .waitFor({ timeout: 60_000 });
  });

  test("an edit of the module is loaded, a broken one is shown with its reason, and a mended one goes on", async () => {
    const { page } = shown;
    await goto("/");
    await dev.edit(ordersModule({ routes: `\n  .to(rows, { name: "again" })` }));
    await page.getByRole("link", { name: "again", exact: true }).first().waitFor({ timeout: 60_000 });
    await dev.edit(`${ordersModule()}\nexport const = ;`);
    await page.locator(".header .status").filter({ hasText: "broken" }).waitFor({ timeout: 60_000 });
    await page
      .locator("main")
      .getByText(/orders\.ts/)
      .first()
      .waitFor();
    await put("while-broken", { N: "1" });
    await dev.edit(ordersModule({ columns: `, note: "text"` }));
    await page.locator(".header .status").filter({ hasText: "running" }).waitFor({ timeout: 60_000 });
    await arrived("while-broken");
    expect((await dev.postgres.query("SELECT note FROM orders LIMIT 1")).rows).toHaveLength(1);
  });

  test("Ctrl-C: the page says that it is disconnected, and the command ends well", async () => {
    const { page, record } = shown;
    await goto("/");
    await page.locator(".connection").filter({ hasText: "live" }).waitFor();
    expect(record.violations).toEqual([]);
    expect(record.foreign).toEqual([]);
    const ended = dev.interrupt();
    await page.locator(".connection").filter({ hasText: "disconnected" }).waitFor();
    await page.getByText("The console does not answer").waitFor();
    expect(await ended).toBe(0);
  });
});
