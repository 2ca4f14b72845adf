// Tests cases that the conformance kit does not cover: errors of the file system, and incomplete lines after a crash.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type AppendDelivery, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";
import { classify } from "../src/classify.ts";
import { jsonLines, type Line } from "../src/json-lines.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "custom-sink-"));
});

afterAll(() => rm(folder, { recursive: true }));

const delivery = (name: string): AppendDelivery<Line> => ({
  change: streamChange({ after: { pk: name } }),
  message: { name },
  idempotencyKey: `key-${name}`,
});

/** Writes one line with a new sink, as after the start of an execution environment. */
const writeTo = async (path: string, name: string): Promise<readonly WriteResult[]> => {
  const sink = jsonLines({ path });
  const results = await sink.write([delivery(name)], {
    signal: new AbortController().signal,
    remainingMs: () => 1_000,
  });
  await sink.close?.();
  return results;
};

test("a missing folder and a path that is a folder both cause SINK_MISSING", async () => {
  const paths = [join(folder, "missing", "changes.jsonl"), folder];
  const results = (await Promise.all(paths.map((path) => writeTo(path, "a")))).flat();
  expect(results).toMatchObject(paths.map(() => ({ outcome: "failed", error: { code: "SINK_MISSING" } })));
});

test("an incomplete line gets a line feed, so that the next line is valid", async () => {
  const path = join(folder, "incomplete.jsonl");
  await writeFile(path, '{"name":"a"}\n{"na');
  await writeTo(path, "b");
  expect((await readFile(path, "utf8")).split("\n")).toEqual([
    '{"name":"a"}',
    '{"na',
    '{"name":"b","idempotencyKey":"key-b"}',
    "",
  ]);
});

test("a SinkError is returned, and an error that is not a system error is thrown", () => {
  const timeout = new SinkError("SINK_TIMEOUT", "no answer");
  expect(classify(timeout)).toBe(timeout);
  expect(() => classify(new TypeError("a bug"))).toThrow(TypeError);
});
