// Tests the output of the bench. No test checks how long something takes.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { handlerPairs } from "../src/cold-start/handlers.ts";
import { bench } from "../src/command.ts";

const quick = ["--rounds", "2", "--batch", "20", "--batches", "2"];

/** Runs a suite with `--json`, and returns the figures in the written file. */
const figuresOf = async (suite: string): Promise<Record<string, number>> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  try {
    const file = join(folder, "figures.json");
    await bench([suite, "--json", file, ...quick], () => undefined);
    return JSON.parse(await readFile(file, "utf8")) as Record<string, number>;
  } finally {
    await rm(folder, { recursive: true });
  }
};

const expectFigures = (figures: Record<string, number>, names: readonly string[]): void => {
  expect(Object.keys(figures)).toEqual(names);
  for (const value of Object.values(figures)) expect(value).toBeGreaterThan(0);
};

test("--json writes the figures of the suite decode", async () => {
  expectFigures(await figuresOf("decode"), [
    "decode/vs-unmarshall",
    "decode/films/vs-unmarshall",
    "decode/orders/vs-unmarshall",
    "decode/rarities/vs-unmarshall",
  ]);
});

test("--json writes the figures of the suite bundle", async () => {
  const names = handlerPairs.map(({ name }) => name);
  expectFigures(await figuresOf("bundle"), [
    ...names.map((name) => `bundle/${name}/kb`),
    ...names.map((name) => `bundle/${name}/sdk-external/kb`),
  ]);
});

test("--json writes the figures of the suite core", async () => {
  expectFigures(await figuresOf("core"), [
    "core/us-per-change",
    "core/upsert/us-per-change",
    "core/append/us-per-change",
  ]);
});

test("--json writes the figures of the suite metrics", async () => {
  const loads = ["full", "single"];
  const observers = ["emf", "otel", "listener"];
  expectFigures(await figuresOf("metrics"), [
    ...loads.flatMap((load) => ["none", ...observers].map((name) => `metrics/${load}/${name}/us-per-change`)),
    ...loads.flatMap((load) => observers.map((name) => `metrics/${load}/${name}/vs-none`)),
    "metrics/emf/bytes-per-line",
    "metrics/emf/failing/bytes-per-line",
  ]);
});

test("the printed tables contain the goals", async () => {
  const lines: string[] = [];
  await bench(["core", ...quick], (line) => lines.push(line));
  expect(lines.join("\n")).toMatch(/core\/us-per-change +\| +[\d.]+ \| +≤ 10 \|/);
});

test("an unknown suite is rejected by name", async () => {
  await expect(bench(["nosuch"], () => undefined)).rejects.toThrow("unknown suite nosuch");
});

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("the suite children", () => {
  test("--json writes the figures of the suite children", async () => {
    const mixes = ["insert", "update", "redelivered"];
    expectFigures(await figuresOf("children"), [
      ...mixes.map((mix) => `postgres/children/${mix}/vs-raw`),
      ...mixes.map((mix) => `postgres/children/inline/${mix}/vs-raw`),
    ]);
  });
});

describeWithPostgres("the suite postgres", (engine) => {
  test("--json writes its figures for both guards and every mix", async () => {
    process.env.DATABASE_URL = engine.url;
    try {
      const peers = ["raw", "raw-two-connections", "powertools-parallel", "powertools-sequential"].map(
        (peer) => `vs-${peer}`,
      );
      const names = ["inline", "version-table"].flatMap((guard) =>
        ["insert", "update", "redelivered"].flatMap((mix) =>
          [...peers, "records-per-second"].map((figure) => `postgres/${guard}/${mix}/${figure}`),
        ),
      );
      expectFigures(await figuresOf("postgres"), names);
    } finally {
      delete process.env.DATABASE_URL;
    }
  });
});
