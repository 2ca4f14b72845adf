// Makes the ten common breakages of docs/runbook.md on real engines. The function must log the texts by which the runbook
// tells the reader to recognize each one. test/bundling.test.ts makes the wrong bundle.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { root, tablesOf } from "./markdown.ts";

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const page = readFileSync(join(root, "docs/runbook.md"), "utf8");
const [rows = []] = tablesOf({ text: page.slice(page.indexOf("## Ten common breakages")) });

/** The breakages of the table, with the texts in code style of the second column. */
const breakages = rows.slice(2).map((row) => {
  const [, name = "", texts = ""] = row.split("|");
  return { name: name.trim(), texts: [...texts.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text) };
});

test("the runbook has ten", () => {
  expect(breakages.map(({ name }) => name)).toHaveLength(10);
});

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("the log of a breakage", () => {
  const logs = new Map<string, string>();

  beforeAll(async () => {
    const flags = ["--conditions=@sluice/source", `--import=${pathOf("../scripts/strip-types.js")}`];
    const program = pathOf("breakages/breakages-program.ts");
    const { NODE_OPTIONS: _, ...env } = process.env;
    // Warnings go to standard error. One pipe for both keeps the order.
    const { stdout } = await promisify(execFile)(
      "sh",
      ["-c", 'exec "$@" 2>&1', "sh", process.execPath, ...flags, program],
      { env: { ...env, NODE_NO_WARNINGS: "1" }, timeout: 120_000 },
    );
    for (const section of stdout.split(/^# /m).slice(1)) {
      const [name = "", ...lines] = section.split("\n");
      logs.set(name, lines.join("\n").replaceAll('\\"', '"'));
    }
  });

  test.each(breakages.filter(({ name }) => name !== "wrong bundle"))("$name", ({ name, texts }) => {
    // Texts in brackets belong to another form of the same breakage.
    const alternatives = new Set(["ENOTFOUND", "SINK_TIMEOUT", "dead letters not stored"]);
    const wanted = texts.filter((text) => !alternatives.has(text));
    expect(wanted.length).toBeGreaterThan(1);
    const log = logs.get(name) ?? "";
    expect(wanted.filter((text) => !log.includes(text)).map((text) => `${text} is not in: ${log}`)).toEqual([]);
  });
});
