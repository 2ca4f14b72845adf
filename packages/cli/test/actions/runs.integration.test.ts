// Runs of the console: a backfill that is paused at every page, a verification of each class, and their command lines.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import type { RunResult, RunStep } from "@sluice/console";
import { engineOrSkip, startEngines } from "@sluice/local";
import { type Bench, call, never, openBench, wire } from "./place.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true, sqs: true }),
);

describeWithEngines("runs", (engines) => {
  const benches: Bench[] = [];
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.close();
  });

  const open = async (items: number, note = "") => {
    const bench = await openBench(engines);
    benches.push(bench);
    const { world } = bench;
    for (let index = 0; index < items; index += 1) await world.put({ id: `o-${index}`, total: index, note });
    const rows = async () =>
      (
        await world.pool.query(
          "SELECT o.id, total, sluice_version FROM orders o JOIN orders_sluice USING (id) ORDER BY id",
        )
      ).rows;
    return { ...bench, rows };
  };

  const backfill = { kind: "backfill", pipeline: "orders" } as const;

  test("a backfill that is paused again and again copies the same rows as one run, and says what it did", async () => {
    // A page has at most 1 MB: these are about eight pages.
    const { actions, world, rows, place } = await open(24, "x".repeat(300_000));
    // Slow enough that most pages are seen before the next one.
    const input = { ...backfill, routes: ["postgres"], itemsPerSecond: 8 };
    const id = "paused";
    let result: RunResult | undefined;
    let pauses = 0;
    const done: number[] = [];
    for (let tries = 0; result === undefined && tries < 100; tries += 1) {
      const pause = new AbortController();
      const onProgress = (progress: RunStep): void => {
        wire(progress);
        if (progress.doing !== "copying" || progress.done <= (done.at(-1) ?? 0)) return;
        done.push(progress.done);
        pause.abort();
      };
      result = await actions.run(input, { id, signal: pause.signal, onProgress });
      if (result === undefined) pauses += 1;
    }
    expect(pauses).toBeGreaterThan(0);
    // The totals go on where the run stopped.
    expect([...done].sort((one, other) => one - other)).toEqual(done);
    expect(result).toMatchObject({ isClean: true, counts: { items: 24, delivered: 24 } });
    expect(result?.lines.slice(0, 3)).toEqual([
      expect.stringContaining("not checked: whether a function reads the stream"),
      expect.stringMatching(/^run paused of table traced-.*: done in /),
      "24 items = 24 delivered",
    ]);
    const paused = await rows();
    expect(paused.map(({ total }) => total).sort((one, other) => one - other)).toEqual([...Array(24).keys()]);
    expect(await readdir(place.directory)).toContain("paused.json");
    // A run that is done says so, and another one finds nothing newer.
    expect((await actions.run(input, { ...call(), id }))?.lines[0]).toContain("was done before");
    await world.pool.query("TRUNCATE orders, orders_sluice");
    await actions.run({ ...backfill, routes: ["postgres"] }, call());
    const whole = await rows();
    const without = (all: readonly { readonly id: string; readonly total: number }[]) =>
      all.map(({ id: name, total }) => ({ name, total }));
    expect(without(whole)).toEqual(without(paused));
  });

  test("a dry run writes nothing; items that fail are counted by code, without values; routes are checked", async () => {
    const { actions, world, rows, place } = await open(5, "secret");
    await world.put({ id: "bad", total: 5_000, note: "secret" });
    const dry = await actions.run({ ...backfill, isDryRun: true }, call());
    expect(dry?.lines).toContainEqual(expect.stringMatching(/^6 items = 5 would be delivered \+ 1 would be rejected$/));
    expect(await rows()).toEqual([]);
    const { id, ...rest } = call();
    const real = await actions.run({ ...backfill, routes: ["postgres"], itemsPerSecond: 1_000 }, { id, ...rest });
    expect(real).toMatchObject({ isClean: false, counts: { items: 6, delivered: 5, rejected: 1 } });
    expect(real?.lines.join("\n")).toMatch(/1 rejected, SINK_REJECTED at route postgres/);
    expect(JSON.stringify(real)).not.toContain("secret");
    const failures = join(place.directory, `${id}.failures.ndjson`);
    expect((await stat(failures)).mode & 0o777).toBe(0o600);
    expect(await readFile(failures, "utf8")).not.toContain("secret");
    await expect(actions.run({ ...backfill, routes: ["nope"] }, call())).rejects.toThrow(/--routes has nope/);
    await expect(actions.run(backfill, { ...call(), id: "../x" })).rejects.toMatchObject({ code: "RUN_REFUSED" });
    await expect(actions.run({ ...backfill, itemsPerSecond: -1 }, call())).rejects.toMatchObject({
      code: "RUN_REFUSED",
    });
  });

  test("verify finds and repairs each class, as the command does", async () => {
    const { actions, world, command, rows, place } = await open(6, "secret");
    await world.put({ id: "hidden", total: 1, hidden: true });
    await actions.run(backfill, call());
    const { pool } = world;
    await pool.query("DELETE FROM orders WHERE id IN ('o-0', 'o-1')");
    await pool.query("DELETE FROM orders_sluice WHERE id = 'o-0'");
    await pool.query("UPDATE orders_sluice SET sluice_removed_at = now() WHERE id = 'o-1'");
    await pool.query("UPDATE orders SET total = 77 WHERE id IN ('o-2', 'o-3')");
    await pool.query(
      "UPDATE orders_sluice SET sluice_version = '19990101000000000' || substr(sluice_version, 18) WHERE id = 'o-2'",
    );
    for (const id of ["hidden", "ghost"]) {
      await pool.query("INSERT INTO orders (id, total) VALUES ($1, 1)", [id]);
      await pool.query(
        "INSERT INTO orders_sluice (id, sluice_version) SELECT $1, min(sluice_version) FROM orders_sluice",
        [id],
      );
    }
    const verify = { kind: "verify", pipeline: "orders", routes: ["postgres"], graceSeconds: 1 } as const;
    const steps: RunStep[] = [];
    const settings = call(never, (step) => steps.push(wire(step)));
    const found = await actions.run(verify, settings);
    const classes = (found?.findings ?? []).map(({ class: kind, keys, members, routes }) => ({
      kind,
      keys,
      members,
      routes,
    }));
    const of = (kind: string, id: string, members: string[] = []) => ({
      kind,
      keys: { id: { S: id } },
      members,
      routes: ["postgres"],
    });
    expect(classes.sort((one, other) => JSON.stringify(one.keys).localeCompare(JSON.stringify(other.keys)))).toEqual([
      of("ghost", "ghost"),
      of("unexpected", "hidden"),
      of("missing", "o-0"),
      of("wrongly-removed", "o-1"),
      of("stale", "o-2", ["total"]),
      of("different", "o-3", ["total"]),
    ]);
    expect(found).toMatchObject({ isClean: false, counts: { items: 7, equal: 2, ghost: 1, different: 1 } });
    expect(JSON.stringify(found)).not.toMatch(/secret|\b77\b/);
    expect(steps.map(({ doing }) => doing)).toContain("comparing");
    expect(await readdir(place.directory)).toContain(`${settings.id}.findings.ndjson`);
    const { stdout } = await command(...actions.commandOf(verify).split(" ").slice(2));
    const plain = (lines: readonly string[] = []) =>
      lines.filter((line) => !/^(verify of|findings: )/.test(line)).sort();
    expect(plain(found?.lines)).toEqual(plain(stdout.trimEnd().split("\n")));
    const repaired = await actions.run({ ...verify, repairs: true }, call());
    expect(repaired).toMatchObject({ isClean: true, counts: { repaired: 6 } });
    expect(repaired?.findings?.every(({ repair }) => repair === "repaired")).toBe(true);
    expect((await rows()).map(({ id, total }) => [id, total])).toEqual([...Array(6).keys()].map((n) => [`o-${n}`, n]));
    expect(await actions.run(verify, call())).toMatchObject({ isClean: true, findings: [] });
  });

  test("a verification that is paused begins again; an abort while it waits for the grace ends it at once", async () => {
    const { actions } = await open(3);
    const pause = new AbortController();
    const { id } = call();
    const onProgress = ({ doing }: RunStep): void => {
      if (doing === "looking again") pause.abort();
    };
    const verify = { kind: "verify", pipeline: "orders", routes: ["postgres"] } as const;
    expect(
      await actions.run({ ...verify, graceSeconds: 600 }, { id, signal: pause.signal, onProgress }),
    ).toBeUndefined();
    const again = await actions.run({ ...verify, graceSeconds: 1, repairs: true }, { ...call(), id });
    expect(again).toMatchObject({ isClean: true, counts: { missing: 3, repaired: 3 } });
  });
});
