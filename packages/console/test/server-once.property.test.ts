import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { oncePerKey } from "../src/server/once-per-key.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const keptMs = 600_000;

const request = fc.record({
  key: fc.constantFrom("key-aaaa", "key-bbbb", "key-cccc"),
  path: fc.constantFrom("/api/runs", "/api/dead-letters/drop"),
  body: fc.constantFrom("{}", '{"a":1}'),
  waitMs: fc.constantFrom(0, 1, 300_000, keptMs),
});

test(`an action is done once for each key within ten minutes, seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 30 }), async (requests) => {
      let now = 0;
      let acts = 0;
      const once = oncePerKey<number>(() => now);
      const model = new Map<string, { readonly of: string; readonly answer: number; readonly until: number }>();
      for (const { waitMs, ...one } of requests) {
        now += waitMs;
        const of = `${one.path} ${one.body}`;
        const known = model.get(one.key);
        const isKnown = known !== undefined && known.until > now;
        const ask = (): Promise<number> =>
          once(one, async () => {
            acts += 1;
            return acts;
          });
        if (isKnown && known.of !== of) {
          expect(ask).toThrow(expect.objectContaining({ code: "KEY_REUSED", status: 409 }));
        } else if (isKnown) {
          expect(await ask()).toBe(known.answer);
        } else {
          const answer = await ask();
          expect(answer).toBe(acts);
          model.set(one.key, { of, answer, until: now + keptMs });
        }
      }
    }),
    { seed, numRuns: 500 },
  );
});

test("a repeat that comes while the action is done waits for its answer", async () => {
  const once = oncePerKey<string>();
  let finish: (answer: string) => void = () => {};
  let acts = 0;
  const act = (): Promise<string> => {
    acts += 1;
    return new Promise((resolve) => {
      finish = resolve;
    });
  };
  const one = { key: "a-double-click", path: "/api/runs", body: "{}" };
  const answers = [once(one, act), once(one, act)];
  finish("first");
  expect(await Promise.all(answers)).toEqual(["first", "first"]);
  expect(acts).toBe(1);
});

test("holds a bounded number of answers: the newest", async () => {
  const once = oncePerKey<number>(() => 0, 3);
  let acts = 0;
  const ask = (key: string): Promise<number> =>
    once({ key, path: "/", body: "" }, async () => {
      acts += 1;
      return acts;
    });
  for (const key of ["key-00001", "key-00002", "key-00003", "key-00004"]) await ask(key);
  expect(await ask("key-00004")).toBe(4);
  expect(await ask("key-00002")).toBe(2);
  expect(await ask("key-00001")).toBe(5);
});

test.each([undefined, "", "short", "with space in it", "x".repeat(129), "key-ä-ä-ä"])("refuses the key %p", (key) => {
  const once = oncePerKey<number>();
  expect(() => once({ key, path: "/", body: "" }, async () => 1)).toThrow(
    expect.objectContaining({ code: "INPUT_INVALID" }),
  );
});
