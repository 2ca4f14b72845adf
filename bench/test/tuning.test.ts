// Tests the output of the suite tuning. No test checks how long something takes, or how fast something is.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { bench } from "../src/command.ts";
import { withSection } from "../src/marked-section.ts";

const labelsOf = (svg: string): string[] =>
  [...svg.matchAll(/class="label"[^>]*>([^<]*)</g)].map(([, label = ""]) => label);

describe("withSection", () => {
  const page = "before\n\n<!-- x: begin, written by a program -->\n\nold\n\n<!-- x: end -->\n\nafter\n";

  test("replaces what is between the comments, again and again", () => {
    const once = withSection(page, "x", ["new"]);
    expect(once).toBe(page.replace("old", "new"));
    expect(withSection(once, "x", ["new"])).toBe(once);
  });

  test("refuses a page without the comments", () => {
    expect(() => withSection("nothing", "x", [])).toThrow("found no section x");
  });
});

const charts = {
  "tuning-concurrency-duration.svg": ["10 connections", "no limit"],
  "tuning-concurrency.svg": ["10 connections", "no limit"],
  "tuning-invocation.svg": ["20 ms per request", "Postgres"],
  "tuning-latency-modelled.svg": ["p99, factor 1", "p99, factor 10", "p50, factor 1", "p50, factor 10"],
  "tuning-latency-postgres.svg": ["p99, factor 1", "p99, factor 10", "p50, factor 1", "p50, factor 10"],
  "tuning-throughput-modelled.svg": ["factor 1", "factor 2", "factor 4", "factor 10"],
  "tuning-throughput-postgres.svg": ["factor 1", "factor 2", "factor 4", "factor 10"],
  "tuning-window.svg": ["p99", "p50"],
};

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("the suite tuning", (engine) => {
  let docs = "";
  const lines: string[] = [];
  let figures: Readonly<Record<string, number>> = {};

  beforeAll(async () => {
    docs = await mkdtemp(join(tmpdir(), "sluice-tuning-"));
    await writeFile(join(docs, "tuning.md"), "# Tuning\n\n<!-- tuning: begin -->\n<!-- tuning: end -->\n");
    process.env.DATABASE_URL = engine.url;
    try {
      figures = await bench(["tuning", "--quick", "--docs", docs], (line) => lines.push(line));
    } finally {
      delete process.env.DATABASE_URL;
    }
  });

  afterAll(() => rm(docs, { recursive: true }));

  test("has its figures", () => {
    expect(Object.keys(figures)).toEqual([
      "tuning/modelled/batch-1000-vs-1",
      "tuning/modelled/factor-10-vs-1",
      "tuning/postgres/batch-1000-vs-1",
      "tuning/postgres/factor-10-vs-1",
    ]);
    for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(0);
  });

  test("writes its printed tables into the page, without a missing number", async () => {
    const page = await readFile(join(docs, "tuning.md"), "utf8");
    const heads = page.match(/^\| (batch size|window|shards × factor) .*$/gm);
    expect(heads).toHaveLength(6);
    for (const head of heads ?? []) expect(lines).toContain(head);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test.each(Object.entries(charts))("writes %s with all its lines", async (name, labels) => {
    const svg = await readFile(join(docs, "images", name), "utf8");
    expect(labelsOf(svg)).toEqual(labels);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(await readdir(join(docs, "images"))).toEqual(Object.keys(charts).sort());
  });
});

test("docs/tuning.md shows every chart, and has the section that the suite writes", async () => {
  const page = await readFile(new URL("../../docs/tuning.md", import.meta.url), "utf8");
  const shown = [...page.matchAll(/\(images\/([a-z-]+\.svg)\)/g)].map(([, name]) => name);
  expect(shown.sort()).toEqual(Object.keys(charts).sort());
  expect(withSection(page, "tuning", ["x"])).toContain("x");
});
