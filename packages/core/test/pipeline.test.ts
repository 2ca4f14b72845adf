import { describe, expect, test } from "@jest/globals";
import { pipeline } from "../src/index.ts";
import { ConfigError } from "../src/sink-kit.ts";
import { scriptedSink } from "./scripted-sink.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

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

describe("a ConfigError at cold start names the option", () => {
  test.each<[string, string, () => unknown]>([
    ["no options", "deadLetterQueue", withOptions(undefined)],
    ["no deadLetterQueue", "deadLetterQueue", withOptions({})],
    ["a deadLetterQueue that is a URL", "deadLetterQueue", withOptions({ deadLetterQueue: "https://sqs/queue" })],
    ["a deadLetterQueue that cannot write", "deadLetterQueue", withOptions({ deadLetterQueue: {} })],
    ["an item that is no schema", "schema", withOptions({ ...block, schema: { parse: () => 1 } })],
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
    ["a sink that writes nothing known", "sink", withSupports({ writes: "merge" })],
    ["a sink of no entries", "supports.maxEntries", withSupports({ maxEntries: 0 })],
    ["a sink of no concurrency", "supports.concurrency", withSupports({ concurrency: Number.NaN })],
    ["no mapper", "mapper", () => pipeline("p", block).to(sink as never)],
    ["a mapper that is none", "mapper", () => pipeline("p", block).to(sink, "map" as never)],
    [
      "two routes of one name",
      "{ name }",
      () =>
        pipeline("p", block)
          .to(sink, () => 1)
          .to(sink, () => 2),
    ],
    ["an empty route name", "route's name", () => pipeline("p", block).to(sink, () => 1, { name: "" })],
    ["a predicate that is none", "when()", () => pipeline("p", block).when(true as never)],
  ])("%s", (_name, option, run) => {
    const error = errorOf(run);
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain(option);
  });
});

describe("a pipeline", () => {
  test('takes a dead-letter target, or "block" in so many words', () => {
    expect(() =>
      pipeline("p", { deadLetterQueue: storedEnvelopes() })
        .to(sink, () => 1)
        .handler(),
    ).not.toThrow();
    expect(() =>
      pipeline("p", block)
        .to(sink, () => 1)
        .handler(),
    ).not.toThrow();
  });

  test("is a plain value: every method answers a new one", () => {
    const base = pipeline("p", { ...block, logger: keptLines() });
    const one = base.to(sink, () => 1);
    const two = one.to(sink, () => 1, { name: "again" });
    expect([base, one, two].map(({ routes }) => routes.map(({ name }) => name))).toEqual([
      [],
      ["scripted"],
      ["scripted", "again"],
    ]);
    expect(Object.isFrozen(one)).toBe(true);
  });

  test("names a route after its sink, or as it is told", () => {
    const map = (): number => 1;
    const mapped = { ...sink, map };
    const { routes } = pipeline("p", block).to(sink, map).to(mapped, { name: "own" }).to(mapped, map, { name: "mine" });
    expect(routes.map(({ name, mapsItself }) => [name, mapsItself])).toEqual([
      ["scripted", false],
      ["own", true],
      ["mine", false],
    ]);
  });
});
