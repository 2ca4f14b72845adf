// The decision about a shared row, compared with the rule in its simplest form.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  apply,
  type OwnedWrite,
  type RowContent,
  type RowState,
  readState,
  type StoredState,
  shownEntry,
  storedState,
} from "../src/write/row-state.ts";

const owners = ["a", "b", "c"];

/** Writes with few versions, so that versions of one owner are often equal. */
const anyWrite: fc.Arbitrary<OwnedWrite> = fc
  .record({ owner: fc.constantFrom(...owners), version: fc.integer({ min: 1, max: 4 }), isLive: fc.boolean() })
  .map(({ owner, version, isLive }) => ({
    owner,
    version: `${version}${owner}`,
    content: isLive ? { state: `${owner}${version}` } : undefined,
    isOnlyIfPresent: false,
  }));

/** The rule: the newest write of each owner wins, a live one before a removal; the newest live owner is shown. */
const model = (writes: readonly OwnedWrite[]): string | undefined => {
  const best = owners.flatMap((owner) => {
    const own = writes.filter((write) => write.owner === owner);
    const newest = own
      .map(({ version }) => version)
      .sort()
      .at(-1);
    const last = own.filter(({ version }) => version === newest);
    const live = last.find(({ content }) => content !== undefined);
    return live === undefined ? [] : [live];
  });
  return best.sort((one, other) => (one.version < other.version ? -1 : 1)).at(-1)?.content?.state ?? undefined;
};

/** Writes through what Postgres stores: each state is stored and read again. */
const play = (writes: readonly OwnedWrite[]) => {
  let stored: StoredState = { version: "", removedAt: 1, owner: null, claims: null };
  let shown: RowContent | undefined;
  for (const write of writes) {
    const state: RowState | undefined = apply(readState(stored, shown, 5), write, 5);
    if (state === undefined) continue;
    stored = JSON.parse(JSON.stringify(storedState(state))) as StoredState;
    shown = shownEntry(state)?.[1].content;
    expect(stored.removedAt === null).toBe(shown !== undefined);
  }
  return { stored, shown };
};

describe("the state of a shared row", () => {
  test("shows the newest live owner, in any order of arrival and with repeats", () => {
    const arrivals = fc
      .array(anyWrite, { minLength: 1, maxLength: 10 })
      .chain((writes) =>
        fc.tuple(fc.constant(writes), fc.shuffledSubarray([...writes, ...writes], { minLength: writes.length })),
      )
      .map(([writes, repeats]) => ({ writes, order: [...repeats, ...writes] }));
    fc.assert(
      fc.property(arrivals, ({ writes, order }) => {
        expect(play(order).shown?.state).toBe(model(writes));
        expect(play(order).stored).toEqual(play([...order].reverse()).stored);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is unchanged by a removal that is only a precaution, if the owner has no entry", () => {
    const state = new Map([["a", { version: "1", content: { state: "x" } }]]);
    const precaution = { owner: "b", version: "2", content: undefined, isOnlyIfPresent: true };
    expect(apply(state, precaution, 5)).toBeUndefined();
    expect(apply(state, { ...precaution, owner: "a" }, 5)?.get("a")?.removedAt).toBe(5);
  });

  test("without an owner belongs to the first owner that writes a newer version", () => {
    const state = readState({ version: "2", removedAt: null, owner: null, claims: null }, { state: "old" }, 5);
    expect(apply(state, { owner: "a", version: "1", content: undefined, isOnlyIfPresent: false }, 5)).toBeUndefined();
    const precaution = { owner: "a", version: "3", content: undefined, isOnlyIfPresent: true };
    expect(apply(state, precaution, 5)).toBeUndefined();
    const next = apply(state, { ...precaution, isOnlyIfPresent: false }, 5);
    expect([...(next?.keys() ?? [])]).toEqual(["a"]);
  });

  test("is purged only when the last removal is old enough", () => {
    const state = new Map([
      ["a", { version: "2", removedAt: 10 }],
      ["b", { version: "1", removedAt: 99 }],
    ]);
    expect(storedState(state)).toMatchObject({ owner: "a", removedAt: 99 });
  });

  test("whose row another program deleted has no live entry", () => {
    const state = readState({ version: "2", removedAt: null, owner: "a", claims: null }, undefined, 7);
    expect(state.get("a")).toEqual({ version: "2", content: undefined, removedAt: 7 });
  });
});
