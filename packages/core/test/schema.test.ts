import { runInNewContext } from "node:vm";
import { describe, expect, test } from "@jest/globals";
import { streamEvent, streamRecord } from "@sluice/testing";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { pipeline } from "../src/index.ts";
import { effectName, effectOn, type RouteParts } from "./effects.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const conforming = { pk: "a", sk: "1", revision: 1 };
const nonconforming = { pk: "a", sk: "1", revision: "confidential" };

const schemas: readonly [string, NonNullable<RouteParts["schema"]>][] = [
  ["zod", z.object({ pk: z.string(), revision: z.number() })],
  ["valibot", v.object({ pk: v.string(), revision: v.number() })],
  ["arktype", type({ pk: "string", revision: "number" })],
];

describe.each(schemas)("a schema of %s", (_name, schema) => {
  test("accepts a conforming item, and rejects a nonconforming one with its path but without its values", () => {
    expect(effectName(effectOn(streamRecord({ after: conforming }), { schema }))).toBe("write");
    const effect = effectOn(streamRecord({ after: nonconforming }), { schema });
    expect(effectName(effect)).toBe("RECORD_MISMATCH");
    const message = effect.kind === "reject" ? effect.error.message : "";
    expect(message).toContain("revision");
    expect(message).not.toContain("confidential");
  });

  test("is checked even if the mapper reads only the keys", () => {
    const parts: RouteParts = { schema, map: ({ keys }) => keys.pk };
    expect(effectName(effectOn(streamRecord({ after: nonconforming }), parts))).toBe("RECORD_MISMATCH");
    expect(effectName(effectOn(streamRecord({ after: nonconforming }), { ...parts, writes: "append" }))).toBe(
      "RECORD_MISMATCH",
    );
    expect(effectName(effectOn(streamRecord({ after: nonconforming }), { ...parts, mapsItself: true }))).toBe(
      "RECORD_MISMATCH",
    );
  });

  test("a nonconforming old image neither blocks a write nor hides a removal", () => {
    expect(effectName(effectOn(streamRecord({ before: nonconforming, after: conforming }), { schema }))).toBe("write");
    expect(effectName(effectOn(streamRecord({ before: nonconforming }), { schema }))).toBe("remove");
    const leaving: RouteParts = { schema, predicate: ({ revision }) => revision === 0 };
    expect(effectName(effectOn(streamRecord({ before: nonconforming, after: conforming }), leaving))).toBe("remove");
  });

  test.each(["NEW_IMAGE", "KEYS_ONLY"] as const)("an append route accepts a remove under %s", (viewType) => {
    const parts: RouteParts = { writes: "append", schema, map: ({ kind, keys }) => [kind, keys.pk] };
    expect(effectName(effectOn(streamRecord({ before: conforming, viewType }), parts))).toBe("write");
  });
});

test("mapper and predicate receive the output of the schema for both images", () => {
  const schema = z.object({ revision: z.number() }).transform(({ revision }) => ({ doubled: revision * 2 }));
  const seen: unknown[] = [];
  effectOn(streamRecord({ before: conforming, after: { ...conforming, revision: 4 } }), {
    schema,
    writes: "append",
    predicate: (item) => seen.push(item) > 0,
    map: ({ before, after }) => seen.push(before, after),
  });
  expect(seen).toEqual([{ doubled: 8 }, { doubled: 2 }, { doubled: 8 }]);
});

const neverCalled = (): never => {
  throw new Error("then was called");
};

const asynchronous: readonly [string, NonNullable<RouteParts["schema"]>][] = [
  ["zod", z.object({ pk: z.string() }).refine(async () => true)],
  [
    "valibot",
    v.pipeAsync(
      v.object({ pk: v.string() }),
      v.checkAsync(async () => true),
    ) as never,
  ],
  [
    "any vendor whose query builder runs when it is awaited",
    // biome-ignore lint/suspicious/noThenProperty: the test needs a thenable.
    { "~standard": { version: 1, vendor: "any", validate: () => ({ then: neverCalled }) as never } },
  ],
  [
    "any vendor whose thenable is a function",
    {
      "~standard": {
        version: 1,
        vendor: "any",
        // biome-ignore lint/suspicious/noThenProperty: the test needs a thenable.
        validate: () => Object.assign(() => 1, { then: neverCalled }) as never,
      },
    },
  ],
  [
    "any vendor whose promise is of another realm",
    { "~standard": { version: 1, vendor: "any", validate: () => runInNewContext("Promise.reject(1)") } },
  ],
  [
    "any vendor whose promise rejects",
    {
      "~standard": {
        version: 1,
        vendor: "any",
        validate: async () => {
          throw new Error("a lookup failed");
        },
      },
    },
  ],
];

test.each(asynchronous)(
  "an asynchronous schema of %s is a ConfigError that fails the invocation",
  async (_, schema) => {
    const deadLetters = memoryDeadLetterQueue();
    const handler = pipeline("p", { schema: schema, deadLetterQueue: deadLetters, logger: recordingLogger() })
      .to(scriptedSink({ writes: "upsert" }), ({ after }) => after)
      .handler();
    await expect(handler(streamEvent([streamRecord({ after: conforming })]))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(deadLetters.envelopes).toEqual([]);
  },
);

describe("a mapper or predicate", () => {
  test("that throws rejects the record with a message that says where, without the text of the error", () => {
    const effect = effectOn(streamRecord({ after: conforming }), {
      map: () => {
        throw new TypeError("confidential\n    at confidential (4711)");
      },
    });
    expect(effectName(effect)).toBe("MAPPING_FAILED");
    const message = effect.kind === "reject" ? effect.error.message : "";
    expect(message).toContain("TypeError at ");
    expect(message).toContain("schema.test");
    expect(message).not.toContain("confidential");
  });

  test.each([
    ["a text", "text"],
    ["undefined", undefined],
    ["an error of a sink", Object.assign(new Error("x"), { code: "SINK_DENIED" })],
  ])("that throws %s rejects the record", (_name, thrown) => {
    const map = (): never => {
      throw thrown;
    };
    expect(effectName(effectOn(streamRecord({ after: conforming }), { map }))).toBe("MAPPING_FAILED");
    expect(effectName(effectOn(streamRecord({ after: conforming }), { predicate: map }))).toBe("MAPPING_FAILED");
  });

  test("that is asynchronous rejects the record, even if its promise rejects", async () => {
    const late = async (): Promise<never> => {
      throw new Error("later");
    };
    expect(effectName(effectOn(streamRecord({ after: conforming }), { map: late }))).toBe("MAPPING_FAILED");
    expect(effectName(effectOn(streamRecord({ after: conforming }), { predicate: late as never }))).toBe(
      "MAPPING_FAILED",
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
