import { describe, expect, test } from "@jest/globals";
import { ownerOf, type SdkItem, type SdkValue, sdkItem } from "@sluice/core/sink-kit";
import fc from "fast-check";
import {
  type KeyState,
  merge,
  type Owned,
  type OwnerState,
  readGuard,
  readOthers,
  shownOf,
  wireGuard,
  wireState,
} from "../src/write/guard.ts";

const now = 1_000;
const copyOf = (text: string): SdkItem => ({ text: { S: text } });
const live = (owner: string, version: string): Owned => [
  owner,
  { version, copy: copyOf(`${owner}${version}`), expires: 0 },
];
const gone = (owner: string, version: string, expires = 2_000): Owned => [owner, { version, copy: undefined, expires }];

const mergeAll = (writes: readonly Owned[], from: KeyState = new Map()): KeyState =>
  writes.reduce((state, write) => merge(state, write, now) ?? state, from);

const shownBy = (writes: readonly Owned[]): Owned | undefined => shownOf(mergeAll(writes));

/** The model: of each owner the newest write counts, and of these the newest copy is shown. */
const modelOf = (writes: readonly Owned[]): Owned | undefined => {
  const rank = ([owner, { version, copy }]: Owned): string => `${version}${copy === undefined ? 0 : 1}${owner}`;
  const byRank = [...writes].sort((left, right) => (rank(left) < rank(right) ? -1 : 1));
  return [...new Map(byRank)].sort((left, right) => (rank(left) < rank(right) ? 1 : -1)).find(([, { copy }]) => copy);
};

const write = fc
  .tuple(fc.constantFrom("x", "y", "z"), fc.integer({ min: 1, max: 6 }), fc.boolean())
  .map(([owner, version, isLive]) => (isLive ? live(owner, `${version}`) : gone(owner, `${version}`)));
const writes = fc.array(write, { maxLength: 12 });

const sorted = (state: KeyState): Owned[] => [...state].sort(([left], [right]) => (left < right ? -1 : 1));

describe("the state of a key", () => {
  test("shows what the model shows, and does not depend on the order of the writes or on repeats", () => {
    fc.assert(
      fc.property(
        writes.chain((given) =>
          fc.tuple(fc.constant(given), fc.shuffledSubarray([...given, ...given], { minLength: given.length * 2 })),
        ),
        ([given, repeated]) => {
          const shown = shownBy(given);
          expect(shown?.[1].copy === undefined ? undefined : shown).toEqual(modelOf(given));
          expect(sorted(mergeAll(repeated))).toEqual(sorted(mergeAll(given)));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("is unchanged after a write that it already contains, which is superseded", () => {
    fc.assert(
      fc.property(writes, write, (given, one) => {
        const state = mergeAll([...given, one]);
        expect(merge(state, one, now)).toBeUndefined();
      }),
    );
  });

  test("shows the older copy again when the owner of the newer copy leaves", () => {
    expect(shownBy([live("x", "3"), live("y", "4"), gone("y", "5")])).toEqual(live("x", "3"));
    expect(shownBy([gone("y", "5"), live("x", "3"), live("y", "4")])).toEqual(live("x", "3"));
  });

  test("keeps the copy of an owner when another owner leaves, also if that owner never had a copy", () => {
    expect(shownBy([live("x", "3"), gone("y", "9")])).toEqual(live("x", "3"));
  });

  test("shows a tombstone when each owner has left", () => {
    expect(shownBy([live("x", "1"), live("y", "2"), gone("x", "3"), gone("y", "4")])).toEqual(gone("y", "4"));
  });

  test("prefers a copy to a removal of the same version by the same owner", () => {
    expect(shownBy([live("x", "1"), gone("x", "1")])).toEqual(live("x", "1"));
    expect(shownBy([gone("x", "1"), live("x", "1")])).toEqual(live("x", "1"));
  });

  test("distinguishes owners of the same version, as in a backfill, in any order", () => {
    expect(shownBy([live("x", "1"), live("y", "1")])).toEqual(live("y", "1"));
    expect(shownBy([live("y", "1"), live("x", "1")])).toEqual(live("y", "1"));
  });

  test("forgets removals when they expire, and never forgets a copy", () => {
    const state = merge(new Map([gone("old", "1", now), gone("z", "1", now + 1), live("y", "2")]), live("x", "3"), now);
    expect([...(state?.keys() ?? [])]).toEqual(["z", "y", "x"]);
  });
});

/** Writes a state as a guard, and reads it again. */
const stored = (state: KeyState): KeyState => {
  const [owner, { version, copy, expires }] = shownOf(state) as Owned;
  const wire = wireState(state, [owner, { version, copy, expires }]);
  const guard = readGuard(wire);
  expect(guard).toEqual({ version, owner, isRemoved: copy === undefined });
  return new Map([...readOthers(wire, (text) => sdkItem(JSON.parse(text))), [owner, state.get(owner) as OwnerState]]);
};

test("a state is the same after it was written and read", () => {
  fc.assert(
    fc.property(
      writes.filter(({ length }) => length > 0),
      (given) => {
        const state = mergeAll(given);
        expect(sorted(stored(state))).toEqual(sorted(state));
      },
    ),
  );
});

test("a hidden copy keeps every type, every name and 32 levels", () => {
  let deep: SdkValue = { S: "bottom" };
  for (let level = 0; level < 31; level += 1) deep = level % 2 === 0 ? { L: [deep] } : { M: { level: deep } };
  const copy = Object.fromEntries<SdkValue>([
    ["deep", deep],
    ["__proto__", { S: "own" }],
    ["bytes", { B: Uint8Array.from([0, 255]) }],
    ["parts", { BS: [Uint8Array.from([1]), Uint8Array.from([])] }],
    ["inner", { M: { list: { L: [{ B: Uint8Array.from([7]) }, { NULL: true }, { BOOL: false }] } } }],
    ["numbers", { NS: ["12345678901234567890123456789012345678", "1e-130"] }],
    ["text", { S: '\u0000"\u2028\ud83d\ude00' }],
  ]);
  const state: KeyState = new Map([["x", { version: "1", copy, expires: 0 }], live("y", "2")]);
  expect(stored(state).get("x")?.copy).toEqual(copy);
  expect(Object.keys(stored(state).get("x")?.copy ?? {})).toContain("__proto__");
});

test("a guard without an owner has only a version, and says whether the item is a tombstone", () => {
  expect(wireGuard({ version: "7", isRemoved: true })).toEqual({ M: { v: { S: "7" }, removed: { BOOL: true } } });
  expect(readGuard(wireGuard({ version: "7", isRemoved: false }))).toEqual({ version: "7", isRemoved: false });
});

test("other values are not read as a guard", () => {
  expect(
    [undefined, { S: "text" }, { M: {} }, { M: { v: { BOOL: true } } }].map((value) => readGuard(value as never)),
  ).toEqual(Array(4).fill(undefined));
});

test("an owner's name is short, and differs for different keys", () => {
  expect(ownerOf("2:pkS1:a")).toHaveLength(22);
  expect(ownerOf("2:pkS1:a")).not.toBe(ownerOf("2:pkS1:b"));
});
