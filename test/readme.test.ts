// Copies the code on the README's first screen into a file, and invokes the handler in it. A change must become rows.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { postgresSink as sinkTo } from "@sluice/sink-postgres";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import pg from "pg";
import { fencesOf, markdownFiles, root } from "./markdown.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const readme = markdownFiles().find(({ path }) => path === "README.md") ?? { path: "", text: "" };

/** Writes the README's first TypeScript block to a module. @returns the URL of the module */
const paste = (): string => {
  const [first] = fencesOf(readme).filter(({ info }) => info === "ts");
  const folder = join(root, ".cache", "readme");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "first-screen.ts");
  writeFileSync(file, first?.code ?? "");
  return pathToFileURL(file).href;
};

test("the first screen has at most forty lines", () => {
  const firstScreen = readme.text.slice(0, readme.text.indexOf("## Try it"));
  expect(firstScreen.split("\n").length).toBeLessThanOrEqual(41);
  expect(firstScreen).toContain("```ts\n");
});

test("the install command names the packages that the first screen imports and needs", () => {
  const [, installed = ""] = /^npm install (.*)$/m.exec(readme.text) ?? [];
  const imported = [...readme.text.matchAll(/^import .* from "([^"]+)";/gm)].map(([, name]) => name);
  expect(imported.length).toBeGreaterThan(2);
  // The code also needs pg for `connection`, and the SDK's SQS client for `sqsDeadLetterQueue`.
  const needed = [...new Set([...imported, "pg", "@aws-sdk/client-sqs"])];
  expect(installed.split(" ").sort()).toEqual(needed.sort());
});

describeWithPostgres("the handler on the README's first screen", (engine) => {
  test("writes an order and its line as rows, and removes them again", async () => {
    const url = await engine.createDatabase();
    const pool = new pg.Pool({ connectionString: url });
    // `pool.end()` does not wait until all sockets are closed, so the server may still send an error.
    pool.on("error", () => undefined);
    const creates = [...readme.text.matchAll(/(?<=`)CREATE TABLE \w+ \([^`]*\)(?=`)/g)].map(([create]) => create);
    expect(creates).toHaveLength(2);
    for (const create of creates) await pool.query(create);
    await sinkTo({ pool, table: "orders" }).ensure();
    Object.assign(process.env, { DATABASE_URL: url, DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:1/none" });
    process.env.POWERTOOLS_LOG_LEVEL = "SILENT";

    const { handler } = (await import(paste())) as { handler: PipelineHandler };
    const order = { id: "o-1", customer: " Ada ", lines: [{ sku: "tea", quantity: 2 }] };
    const put = streamRecord({ tableName: "orders", after: order, keyNames: ["id"], position: 1 });
    const removed = streamRecord({ tableName: "orders", before: order, keyNames: ["id"], position: 2 });

    expect(await handler(streamEvent([put]), lambdaContext())).toEqual({ batchItemFailures: [] });
    const { rows } = await pool.query("SELECT * FROM orders");
    expect(rows).toEqual([{ id: "o-1", customer: "Ada" }]);
    const lines = await pool.query("SELECT * FROM order_lines");
    expect(lines.rows).toEqual([{ order_id: "o-1", line_no: 0, sku: "tea", quantity: 2 }]);

    expect(await handler(streamEvent([removed]), lambdaContext())).toEqual({ batchItemFailures: [] });
    for (const table of ["orders", "order_lines"]) {
      expect((await pool.query(`SELECT * FROM ${table}`)).rows).toEqual([]);
    }
    await pool.end();
  });
});
