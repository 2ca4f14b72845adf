import { describe, expect, test } from "@jest/globals";
import { streamEvent, streamRecord } from "@sluice/testing";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { pipeline } from "../src/index.ts";
import { type Asked, effectOn, told } from "./effects.ts";
import { scriptedSink } from "./scripted-sink.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

const fit = { pk: "a", sk: "1", revision: 1 };
const misfit = { pk: "a", sk: "1", revision: "confidential" };

const schemas: readonly [string, NonNullable<Asked["schema"]>][] = [
  ["zod", z.object({ pk: z.string(), revision: z.number() })],
  ["valibot", v.object({ pk: v.string(), revision: v.number() })],
  ["arktype", type({ pk: "string", revision: "number" })],
];

describe.each(schemas)("a schema of %s", (_name, schema) => {
  test("passes an item that fits, and rejects one that does not, by its path and without its values", () => {
    expect(told(effectOn(streamRecord({ after: fit }), { schema }))).toBe("write");
    const effect = effectOn(streamRecord({ after: misfit }), { schema });
    expect(told(effect)).toBe("RECORD_MISMATCH");
    const message = effect.kind === "reject" ? effect.error.message : "";
    expect(message).toContain("revision");
    expect(message).not.toContain("confidential");
  });

  test("is asked even where the mapper reads keys only", () => {
    const asked: Asked = { schema, map: ({ keys }) => keys.pk };
    expect(told(effectOn(streamRecord({ after: misfit }), asked))).toBe("RECORD_MISMATCH");
    expect(told(effectOn(streamRecord({ after: misfit }), { ...asked, writes: "append" }))).toBe("RECORD_MISMATCH");
    expect(told(effectOn(streamRecord({ after: misfit }), { ...asked, mapsItself: true }))).toBe("RECORD_MISMATCH");
  });

  test("an old image that does not fit neither blocks a write nor hides a removal", () => {
    expect(told(effectOn(streamRecord({ before: misfit, after: fit }), { schema }))).toBe("write");
    expect(told(effectOn(streamRecord({ before: misfit }), { schema }))).toBe("remove");
    const leaving: Asked = { schema, predicate: ({ revision }) => revision === 0 };
    expect(told(effectOn(streamRecord({ before: misfit, after: fit }), leaving))).toBe("remove");
  });

  test.each(["NEW_IMAGE", "KEYS_ONLY"] as const)("an append route takes a remove under %s", (viewType) => {
    const asked: Asked = { writes: "append", schema, map: ({ kind, keys }) => [kind, keys.pk] };
    expect(told(effectOn(streamRecord({ before: fit, viewType }), asked))).toBe("write");
  });
});

test("a schema's output is what mapper and predicate see, from both images", () => {
  const schema = z.object({ revision: z.number() }).transform(({ revision }) => ({ doubled: revision * 2 }));
  const seen: unknown[] = [];
  effectOn(streamRecord({ before: fit, after: { ...fit, revision: 4 } }), {
    schema,
    writes: "append",
    predicate: (item) => seen.push(item) > 0,
    map: ({ before, after }) => seen.push(before, after),
  });
  expect(seen).toEqual([{ doubled: 8 }, { doubled: 2 }, { doubled: 8 }]);
});

const asynchronous: readonly [string, NonNullable<Asked["schema"]>][] = [
  ["zod", z.object({ pk: z.string() }).refine(async () => true)],
  [
    "valibot",
    v.pipeAsync(
      v.object({ pk: v.string() }),
      v.checkAsync(async () => true),
    ) as never,
  ],
  [
    "anyone whose promise fails",
    {
      "~standard": {
        version: 1,
        vendor: "anyone",
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
    const letters = storedEnvelopes();
    const handler = pipeline("p", { schema: schema, deadLetterQueue: letters, logger: keptLines() })
      .to(scriptedSink({ writes: "upsert" }), ({ after }) => after)
      .handler();
    await expect(handler(streamEvent([streamRecord({ after: fit })]))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(letters.envelopes).toEqual([]);
  },
);

describe("the user's code", () => {
  test("that throws rejects the record, and tells where but not what it said", () => {
    const effect = effectOn(streamRecord({ after: fit }), {
      map: () => {
        throw new TypeError("confidential\n    at confidential (4711)");
      },
    });
    expect(told(effect)).toBe("MAPPING_FAILED");
    const message = effect.kind === "reject" ? effect.error.message : "";
    expect(message).toContain("TypeError at ");
    expect(message).toContain("schema.test");
    expect(message).not.toContain("confidential");
  });

  test.each([
    ["no Error", "text"],
    ["nothing", undefined],
    ["an error of a sink", Object.assign(new Error("x"), { code: "SINK_DENIED" })],
  ])("may throw %s", (_name, thrown) => {
    const map = (): never => {
      throw thrown;
    };
    expect(told(effectOn(streamRecord({ after: fit }), { map }))).toBe("MAPPING_FAILED");
    expect(told(effectOn(streamRecord({ after: fit }), { predicate: map }))).toBe("MAPPING_FAILED");
  });

  test("that is asynchronous rejects the record, also where its promise fails", async () => {
    const late = async (): Promise<never> => {
      throw new Error("later");
    };
    expect(told(effectOn(streamRecord({ after: fit }), { map: late }))).toBe("MAPPING_FAILED");
    expect(told(effectOn(streamRecord({ after: fit }), { predicate: late as never }))).toBe("MAPPING_FAILED");
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
