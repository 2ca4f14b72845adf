import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { noProgress, openLedger, type Result } from "../src/run/progress.ts";
import { tallied, tallyLines, totalOf } from "../src/run/counts-by-sink.ts";
import { triedIn } from "../src/run/attempted-messages.ts";

describe("a ledger", () => {
  test("balances, over any number of batches", () => {
    const settled = fc.constantFrom("delivered", "superseded", "filtered", "moved", "republished", "dropped");
    const result: fc.Arbitrary<Result> = fc.oneof(
      fc.record({ settled, isDeleted: fc.boolean() }) as fc.Arbitrary<Result>,
      fc.record({ sink: fc.string(), code: fc.string() }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(result)), (batches) => {
        let progress = noProgress;
        let id = 0;
        for (const results of batches) {
          const ledger = openLedger(progress, 0);
          for (const one of results) {
            id += 1;
            ledger.note(String(id), one);
          }
          progress = JSON.parse(JSON.stringify(ledger.close("more")));
        }
        const all = batches.flat();
        const stay = all.filter((one) => !("settled" in one) || !one.isDeleted);
        expect(progress.counts.received).toBe(all.length);
        expect(progress.counts.left).toBe(all.filter((one) => "code" in one).length);
        expect(totalOf(progress.left)).toBe(progress.counts.left);
        expect(progress.counts.left + progress.notDeleted).toBe(stay.length);
        expect(triedIn(progress.tried).size()).toBe(stay.length);
        expect(progress.batches).toBe(batches.length);
      }),
    );
  });

  test("that does not balance fails its batch", () => {
    const counts = { ...noProgress.counts, received: 1 };
    expect(() => openLedger({ ...noProgress, counts }, 0).close("more")).toThrow("does not balance");
  });
});

describe("what was tried", () => {
  test("is known again, and nothing else is", () => {
    const tried = triedIn("");
    for (let n = 0; n < 1_000; n += 1) tried.add(`tried-${n}`);
    const known = triedIn(tried.text());
    expect(known.size()).toBe(1_000);
    for (let n = 0; n < 1_000; n += 1)
      expect([known.has(`tried-${n}`), known.has(`other-${n}`)]).toEqual([true, false]);
  });

  test("takes eleven characters for each", () => {
    const tried = triedIn("");
    for (let n = 0; n < 900; n += 1) tried.add(String(n));
    expect(tried.text()).toHaveLength(9_600);
  });
});

describe("a tally", () => {
  test("puts names that are one too many together, and loses none of their counts", () => {
    let tally = {};
    for (let n = 0; n < 50; n += 1) tally = tallied(tally, `sink-${n}`, "CODE");
    for (let n = 0; n < 50; n += 1) tally = tallied(tally, "sink-0", `CODE-${n}`);
    expect(Object.keys(tally)).toHaveLength(21);
    expect(tally).toMatchObject({ "sink-0": { other: 31 }, other: { CODE: 30 } });
    expect(totalOf(tally)).toBe(100);
  });

  test.each(["__proto__", "constructor", "toString"])("takes %s for a name like others", (name) => {
    const tally = tallied(tallied({}, name, name), name, name);
    expect(totalOf(tally)).toBe(2);
    expect(tallyLines(tally)).toEqual([`     2  ${name}  ${name}`]);
  });
});
