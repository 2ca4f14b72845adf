import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { attemptedMessages } from "../src/redrive/attempted-messages.ts";
import { addCount, countLines, totalOf } from "../src/redrive/counts-by-sink.ts";
import { batchCounts, type CountedResult, noProgress } from "../src/redrive/progress.ts";

describe("the counts of a batch", () => {
  test("add up, over any number of batches", () => {
    const outcome = fc.constantFrom("delivered", "superseded", "filtered", "moved", "republished", "dropped");
    const result: fc.Arbitrary<CountedResult> = fc.oneof(
      fc.record({ outcome, isDeleted: fc.boolean() }) as fc.Arbitrary<CountedResult>,
      fc.record({ sink: fc.string(), code: fc.string() }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(result)), (batches) => {
        let progress = noProgress;
        let id = 0;
        for (const results of batches) {
          const counts = batchCounts(progress, 0);
          for (const one of results) {
            id += 1;
            counts.add(String(id), one);
          }
          progress = JSON.parse(JSON.stringify(counts.close("more")));
        }
        const all = batches.flat();
        const stay = all.filter((one) => !("outcome" in one) || !one.isDeleted);
        expect(progress.counts.received).toBe(all.length);
        expect(progress.counts.left).toBe(all.filter((one) => "code" in one).length);
        expect(totalOf(progress.left)).toBe(progress.counts.left);
        expect(progress.counts.left + progress.notDeleted).toBe(stay.length);
        expect(attemptedMessages(progress.attempted).size()).toBe(stay.length);
        expect(progress.batches).toBe(batches.length);
      }),
    );
  });

  test("that do not add up fail the batch", () => {
    const counts = { ...noProgress.counts, received: 1 };
    expect(() => batchCounts({ ...noProgress, counts }, 0).close("more")).toThrow("do not add up");
  });
});

describe("attempted messages", () => {
  test("are recognised, and other messages are not", () => {
    const attempted = attemptedMessages("");
    for (let n = 0; n < 1_000; n += 1) attempted.add(`attempted-${n}`);
    const known = attemptedMessages(attempted.text());
    expect(known.size()).toBe(1_000);
    for (let n = 0; n < 1_000; n += 1)
      expect([known.has(`attempted-${n}`), known.has(`other-${n}`)]).toEqual([true, false]);
  });

  test("take eleven characters each", () => {
    const attempted = attemptedMessages("");
    for (let n = 0; n < 900; n += 1) attempted.add(String(n));
    expect(attempted.text()).toHaveLength(9_600);
  });
});

describe("counts by sink", () => {
  test("combine names beyond the limit under `other`, and lose no counts", () => {
    let counts = {};
    for (let n = 0; n < 50; n += 1) counts = addCount(counts, `sink-${n}`, "CODE");
    for (let n = 0; n < 50; n += 1) counts = addCount(counts, "sink-0", `CODE-${n}`);
    expect(Object.keys(counts)).toHaveLength(21);
    expect(counts).toMatchObject({ "sink-0": { other: 31 }, other: { CODE: 30 } });
    expect(totalOf(counts)).toBe(100);
  });

  test.each(["__proto__", "constructor", "toString"])("accept %s like any other name", (name) => {
    const counts = addCount(addCount({}, name, name), name, name);
    expect(totalOf(counts)).toBe(2);
    expect(countLines(counts)).toEqual([`     2  ${name}  ${name}`]);
  });
});
