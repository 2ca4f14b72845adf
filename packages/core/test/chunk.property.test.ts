import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { chunk, groupBy } from "../src/sink-kit.ts";

const limits = fc.record({ maxEntries: fc.integer({ min: 1, max: 10 }), maxBytes: fc.integer({ min: 1, max: 50 }) });
const sizes = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60 });
const sum = (chunked: readonly number[]): number => chunked.reduce((total, size) => total + size, 0);

describe("chunk", () => {
  test("keeps every entry in order, and creates no empty chunk", () => {
    fc.assert(
      fc.property(sizes, limits, (entries, limit) => {
        const chunks = chunk(entries, { ...limit, sizeOf: (size) => size });
        expect(chunks.flat()).toEqual(entries);
        expect(chunks.every((one) => one.length > 0)).toBe(true);
      }),
    );
  });

  test("obeys both limits, unless a single entry exceeds them", () => {
    fc.assert(
      fc.property(sizes, limits, (entries, limit) => {
        for (const one of chunk(entries, { ...limit, sizeOf: (size) => size })) {
          expect(one.length).toBeLessThanOrEqual(limit.maxEntries);
          if (one.length > 1) expect(sum(one)).toBeLessThanOrEqual(limit.maxBytes);
        }
      }),
    );
  });

  test("fills each chunk until the next entry would exceed a limit", () => {
    fc.assert(
      fc.property(sizes, limits, (entries, limit) => {
        const chunks = chunk(entries, { ...limit, sizeOf: (size) => size });
        chunks.slice(0, -1).forEach((one, index) => {
          const next = chunks[index + 1]?.[0] ?? 0;
          expect(one.length === limit.maxEntries || sum(one) + next > limit.maxBytes).toBe(true);
        });
      }),
    );
  });

  test.each([
    [9, [9]],
    [10, [10]],
    [11, [10, 1]],
    [0, []],
  ])("splits %i entries at a limit of 10 into %j", (count, expected) => {
    const entries = Array.from({ length: count }, (_, index) => index);
    const chunks = chunk(entries, { maxEntries: 10, maxBytes: 1000, sizeOf: () => 1 });
    expect(chunks.map(({ length }) => length)).toEqual(expected);
  });
});

test("groupBy keeps every entry, and the order of the groups and of their entries", () => {
  fc.assert(
    fc.property(sizes, (entries) => {
      const keyOf = (entry: number): string => String(entry % 7);
      const groups = groupBy(entries, keyOf);
      expect([...groups.keys()]).toEqual([...new Set(entries.map(keyOf))]);
      for (const [key, group] of groups) expect(group).toEqual(entries.filter((entry) => keyOf(entry) === key));
    }),
  );
});
