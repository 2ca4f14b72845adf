// What the files of a module tell: the user's files, packages, variables, and errors with file and line.

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { enginesFor } from "../src/engines/needs.ts";
import { readGraph } from "../src/graph/graph.ts";
import { namesIn } from "../src/graph/variable-names.ts";
import { watchFiles } from "../src/graph/watch.ts";
import { createWorkspace, type Workspace } from "./support/workspace.ts";

let workspace: Workspace;
beforeEach(async () => {
  workspace = await createWorkspace();
});
afterEach(() => workspace.remove());

describe("the graph of a module", () => {
  test("has the user's files, also those that they import, and the packages of all", async () => {
    await workspace.write(
      "orders.ts",
      'import { rows } from "./lib/rows.ts"; import { z } from "zod"; export const orders: unknown = [rows, z];',
    );
    await workspace.write(
      "lib/rows.ts",
      'import { postgresSink } from "@sluice/sink-postgres/x"; import "node:fs"; export const rows = postgresSink;',
    );
    const graph = await readGraph(`${workspace.path("orders.ts")}#orders`);
    expect(graph.problem).toBeUndefined();
    expect([...graph.files].sort()).toEqual([workspace.path("lib/rows.ts"), workspace.path("orders.ts")]);
    expect([...graph.packages].sort()).toEqual(["@sluice/sink-postgres", "zod"]);
    expect([...enginesFor([graph])]).toEqual(["postgres"]);
  });

  test("has each error with file and line", async () => {
    await workspace.write(
      "orders.ts",
      'import { rows } from "./rows.ts";\nimport { no } from "./missing.ts";\nexport const orders = [rows, no];',
    );
    await workspace.write("rows.ts", "\n\nexport const = 1;");
    const { problem = "", files } = await readGraph(workspace.path("orders.ts"));
    expect(problem).toMatch(/rows\.ts:3:14: Expected identifier/);
    expect(problem).toMatch(/orders\.ts:2:\d+: Could not resolve "\.\/missing\.ts"/);
    expect(files).toContain(workspace.path("rows.ts"));
  });
});

describe("names of variables", () => {
  const read = (text: string): string[] => [...namesIn([text]).read].sort();

  test.each([
    ["process.env.A_B + process.env?.C", ["A_B", "C"]],
    [`process.env["A"] + process.env['B'] + process.env[\`C\`]`, ["A", "B", "C"]],
    ["const { A, B: b, C = 'x' } = process.env;", ["A", "B", "C"]],
    [
      'const f = (name) => process.env[name]; f("SOURCE_TABLE"); list("ALLOW_ADDRESSES")',
      ["ALLOW_ADDRESSES", "SOURCE_TABLE"],
    ],
    ['f("SOURCE_TABLE")', []],
    ["// process.env.A\n/* process.env.B */ process.env.C // process.env", ["C"]],
    ["const { A } = other;", []],
  ])("%s", (text, names) => expect(read(text)).toEqual(names));

  test("that have a default", () => {
    expect([...namesIn(['process.env.A ?? "a"; process.env.B || 1; process.env.C']).withDefault]).toEqual(["A", "B"]);
  });
});

describe("the watch of files", () => {
  const until = async (isReached: () => boolean): Promise<void> => {
    for (let waited = 0; !isReached() && waited < 10_000; waited += 20) await sleep(20);
    expect(isReached()).toBe(true);
  };

  test("tells a change once, whether the file is rewritten, replaced, removed or made again", async () => {
    await workspace.write("a.ts", "1");
    let changes = 0;
    const watcher = watchFiles(() => {
      changes += 1;
    });
    try {
      watcher.watch([workspace.path("a.ts")]);
      await sleep(300);
      await workspace.write("a.ts", "22");
      await until(() => changes === 1);
      await workspace.write("other.ts", "no part of it");
      await workspace.write("a.ts", "333");
      await until(() => changes === 2);
      await sleep(300);
      expect(changes).toBe(2);
    } finally {
      watcher.stop();
    }
  });
});
