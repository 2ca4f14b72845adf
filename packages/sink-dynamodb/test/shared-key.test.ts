// The state of a target key as its item stores it. A model in memory plays DynamoDB.

import { describe, expect, test } from "@jest/globals";
import type { SdkItem } from "@sluice/core/sink-kit";
import fc from "fast-check";
import { guarded, type ItemWrite } from "../src/encode.ts";
import { checkOptions } from "../src/options.ts";
import { decideShared } from "../src/write/shared-key.ts";

const settings = checkOptions({ table: "target", now: () => 1_000_000 });
const key = { id: { S: "k" } };

interface OwnedWrite extends ItemWrite {
  readonly owner: string;
}

const writeOf = (owner: string, version: number, isRemoved: boolean, onlyIfPresent = false): OwnedWrite => ({
  key,
  version: String(version),
  owner,
  isRemoved,
  onlyIfPresent,
  expires: 5_000,
  attributes: isRemoved ? key : { ...key, by: { S: `${owner}${version}` } },
});

/** Applies a write as the sink does after its first put has failed. */
const apply = (item: SdkItem | undefined, write: OwnedWrite): SdkItem | undefined => {
  const decision = decideShared(settings, item, write, write.owner);
  if (decision.kind === "superseded") return item;
  if (decision.kind === "replace") return decision.item;
  const { expires, guard } = decision;
  return { ...item, _sluice: guard, ...(expires !== undefined && { _sluice_expires: { N: String(expires) } }) };
};

/** The model: of each owner the newest write counts, and of these the newest copy is shown. */
const modelOf = (writes: readonly OwnedWrite[]): string | undefined => {
  const rank = ({ version, isRemoved, owner }: OwnedWrite): string => `${version}${isRemoved ? 0 : 1}${owner}`;
  const byRank = [...writes].sort((left, right) => (rank(left) < rank(right) ? -1 : 1));
  const newest = [...new Map(byRank.map((write) => [write.owner, write])).values()].filter((one) => !one.isRemoved);
  return newest
    .sort((left, right) => (rank(left) < rank(right) ? 1 : -1))
    .map((one) => `${one.owner}${one.version}`)[0];
};

const shownIn = (item: SdkItem | undefined): string | undefined => {
  const by = item?.by;
  return by !== undefined && "S" in by ? by.S : undefined;
};

const write = fc
  .tuple(fc.constantFrom("x", "y", "z"), fc.integer({ min: 1, max: 6 }), fc.boolean())
  .map(([owner, version, isRemoved]) => writeOf(owner, version, isRemoved));

describe("an item that several owners write", () => {
  test("shows what the model shows after each write", () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
        let item: SdkItem | undefined;
        for (const [index, one] of writes.entries()) {
          item = apply(item, one);
          expect(shownIn(item)).toBe(modelOf(writes.slice(0, index + 1)));
          expect(item?._sluice_expires !== undefined).toBe(shownIn(item) === undefined);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("keeps an item unchanged under a removal with onlyIfPresent by an owner that it does not know", () => {
    const item = apply(undefined, writeOf("x", 1, false));
    expect(decideShared(settings, item, writeOf("y", 9, true, true), "y")).toEqual({ kind: "superseded" });
    expect(decideShared(settings, undefined, writeOf("y", 9, true, true), "y")).toEqual({ kind: "superseded" });
    expect(shownIn(apply(item, writeOf("x", 9, true, true)))).toBeUndefined();
  });

  test("takes a guard without an owner for the guard of the write's owner", () => {
    const old = guarded(settings, { ...writeOf("x", 3, false), owner: undefined });
    expect(shownIn(apply(old, writeOf("y", 2, false)))).toBe("x3");
    expect(shownIn(apply(old, writeOf("y", 4, false)))).toBe("y4");
    expect(apply(apply(old, writeOf("y", 4, false)), writeOf("y", 5, true))?.by).toBeUndefined();
  });

  test("is replaced if it has no guard, because another program wrote it", () => {
    expect(apply({ ...key, other: { S: "x" } }, writeOf("y", 1, false))).not.toHaveProperty("other");
  });

  test("rejects a write if its guard has a copy that the sink did not write", () => {
    const held = { M: { z: { M: { v: { S: "1" }, c: { S: "{" } } } } };
    const item = { ...key, _sluice: { M: { v: { S: "2" }, o: { S: "x" }, held } } };
    expect(() => apply(item, writeOf("y", 3, false))).toThrow(expect.objectContaining({ code: "SINK_REJECTED" }));
  });

  test("does not expire before the last of its removals may be forgotten", () => {
    const early = apply(undefined, { ...writeOf("x", 1, true), expires: 9_000 });
    expect(apply(early, writeOf("y", 2, true))?._sluice_expires).toEqual({ N: "9000" });
    const late = apply(undefined, writeOf("x", 3, true));
    expect(apply(late, { ...writeOf("y", 2, true), expires: 9_000 })?._sluice_expires).toEqual({ N: "9000" });
  });
});
