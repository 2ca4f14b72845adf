import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import type { Route } from "../src/delivery/route.ts";
import { pipeline } from "../src/index.ts";
import { ConfigError } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const sink = scriptedSink({ writes: "upsert" });
const block = { onReject: "block" } as const;

const errorOf = (run: () => unknown): ConfigError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

const withOptions = (options: unknown) => (): unknown => pipeline("p", options as Parameters<typeof pipeline>[1]);
const withSupports = (supports: object) => (): unknown =>
  pipeline("p", block).to({ ...sink, supports: { writes: "upsert", ...supports } }, () => 1);

test("an option for upsert routes is refused on an append route", () => {
  for (const options of [{ removesUnmatched: false }, { tombstones: "always" as const }]) {
    const add = () =>
      pipeline("p", { onReject: "block" }).to(scriptedSink({ writes: "append" }), () => 1, {
        dedupe: "none",
        ...options,
      });
    expect(add).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining("upsert") }),
    );
  }
});

describe("a ConfigError at cold start names the option", () => {
  test.each<[string, string, () => unknown]>([
    ["no options", "deadLetterQueue", withOptions(undefined)],
    ["no deadLetterQueue", "deadLetterQueue", withOptions({})],
    ["a deadLetterQueue that is a URL", "deadLetterQueue", withOptions({ deadLetterQueue: "https://sqs/queue" })],
    ["a deadLetterQueue that cannot write", "deadLetterQueue", withOptions({ deadLetterQueue: {} })],
    ["a schema that is not a Standard Schema", "schema", withOptions({ ...block, schema: { parse: () => 1 } })],
    ["onMismatch of another word", "onMismatch", withOptions({ ...block, schema: z.object({}), onMismatch: "skip" })],
    ["onMismatch without a schema", "onMismatch", withOptions({ ...block, onMismatch: "ignore" })],
    ["a logger without warn", "logger", withOptions({ ...block, logger: { info: () => 1 } })],
    ["retry.maxAttempts of 0", "retry.maxAttempts", withOptions({ ...block, retry: { maxAttempts: 0 } })],
    ["retry.firstDelayMs below 0", "retry.firstDelayMs", withOptions({ ...block, retry: { firstDelayMs: -1 } })],
    ["retry.maxDelayMs that is NaN", "retry.maxDelayMs", withOptions({ ...block, retry: { maxDelayMs: Number.NaN } })],
    ["timeoutBufferMs below 0", "timeoutBufferMs", withOptions({ ...block, timeoutBufferMs: -1 })],
    ["timeoutBufferMs that is NaN", "timeoutBufferMs", withOptions({ ...block, timeoutBufferMs: Number.NaN })],
    ["an empty name", "name", () => pipeline("", block)],
    ["no name", "name", () => pipeline(undefined as never, block)],
    ["no route", "route", () => pipeline("p", block).handler()],
    ["no sink", "sink", () => pipeline("p", block).to(undefined as never, () => 1)],
    ["a sink with an unknown kind of writes", "sink", withSupports({ writes: "merge" })],
    ["a sink with maxEntries of 0", "supports.maxEntries", withSupports({ maxEntries: 0 })],
    ["a sink with a concurrency of NaN", "supports.concurrency", withSupports({ concurrency: Number.NaN })],
    ["no mapper", "mapper", () => pipeline("p", block).to(sink as never)],
    ["a mapper that is not a function", "mapper", () => pipeline("p", block).to(sink, "map" as never)],
    [
      "two routes with one name",
      "{ name }",
      () =>
        pipeline("p", block)
          .to(sink, () => 1)
          .to(sink, () => 2),
    ],
    ["an unknown option", '"retryQueu"', () => pipeline("p", { ...block, retryQueu: {} } as never)],
    ["an unknown member of retry", '"tries"', () => pipeline("p", { ...block, retry: { tries: 2 } as never })],
    ["an unknown member of a source", '"tabel"', () => pipeline("p", { ...block, source: { tabel: "t" } as never })],
    ["an unknown option of a route", '"nmae"', () => pipeline("p", block).to(sink, () => 1, { nmae: "x" } as never)],
    ["options of a route that are no object", "options", () => pipeline("p", block).to(sink, () => 1, "x" as never)],
    ["an empty route name", "route's name", () => pipeline("p", block).to(sink, () => 1, { name: "" })],
    ["a predicate that is not a function", "when()", () => pipeline("p", block).when(true as never)],
  ])("%s", (_name, option, run) => {
    const error = errorOf(run);
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain(option);
  });
});

describe("a pipeline", () => {
  test('needs a dead-letter queue or onReject: "block"', () => {
    expect(() =>
      pipeline("p", { deadLetterQueue: memoryDeadLetterQueue() })
        .to(sink, () => 1)
        .handler(),
    ).not.toThrow();
    expect(() =>
      pipeline("p", block)
        .to(sink, () => 1)
        .handler(),
    ).not.toThrow();
  });

  test("is immutable: every method returns a new pipeline", () => {
    const base = pipeline("p", { ...block, logger: recordingLogger() });
    const one = base.to(sink, () => 1);
    const two = one.to(sink, () => 1, { name: "again" });
    expect([base, one, two].map(({ routes }) => routes.map(({ name }) => name))).toEqual([
      [],
      ["scripted"],
      ["scripted", "again"],
    ]);
    expect(Object.isFrozen(one)).toBe(true);
  });

  test("names a route after its sink, or by the name option", () => {
    const map = (): number => 1;
    const mapped = { ...sink, map };
    const { routes } = pipeline("p", block).to(sink, map).to(mapped, { name: "own" }).to(mapped, map, { name: "mine" });
    expect((routes as readonly Route[]).map(({ name, mapsItself }) => [name, mapsItself])).toEqual([
      ["scripted", false],
      ["own", true],
      ["mine", false],
    ]);
  });
});

test("options may be an instance of a class with getters, and a member of retry may be undefined", () => {
  class Retry {
    get maxAttempts(): number {
      return 0;
    }
  }
  expect(() => pipeline("p", { ...block, retry: new Retry() })).toThrow("retry.maxAttempts is 0; expected 1 or more");
  expect(() => pipeline("p", { ...block, retry: { maxAttempts: undefined } as never })).not.toThrow();
});
