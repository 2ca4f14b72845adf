import { describe, expect, test } from "@jest/globals";
import { decide, type ItemGuard, type OwnedWrite, ownerOf, readGuard, wireGuard } from "../src/write/guard.ts";

const times = { now: 1_000, expires: 2_000 };
const guard = (version: string, owner: string, more: Partial<ItemGuard> = {}): ItemGuard => ({
  version,
  owner,
  isRemoved: false,
  departures: new Map(),
  ...more,
});
const arrive = (version: string, owner: string): OwnedWrite => ({ version, owner, isRemoved: false });
const leave = (version: string, owner: string): OwnedWrite => ({ version, owner, isRemoved: true });
const departed = (...entries: readonly (readonly [string, string, number?])[]) =>
  new Map(entries.map(([owner, version, expires = 2_000]) => [owner, { version, expires }]));
const tombstone = { isRemoved: true };

describe("a write", () => {
  test("of the owner replaces an older version, and is superseded by the same or a newer version", () => {
    expect(decide(guard("2", "x"), arrive("3", "x"), times)).toEqual({ kind: "replace", departures: new Map() });
    expect(decide(guard("2", "x"), arrive("2", "x"), times)).toEqual({ kind: "superseded" });
    expect(decide(guard("2", "x"), leave("1", "x"), times)).toEqual({ kind: "superseded" });
  });

  test("of another owner replaces a tombstone of any version, and remembers the departure of its owner", () => {
    expect(decide(guard("9", "y", tombstone), arrive("3", "x"), times)).toEqual({
      kind: "replace",
      departures: departed(["y", "9"]),
    });
  });

  test("of an item that has left the key is superseded up to the departure, and not after it", () => {
    const seen = guard("9", "y", { departures: departed(["x", "5"]) });
    expect(decide(seen, arrive("5", "x"), times)).toEqual({ kind: "superseded" });
    expect(decide({ ...seen, isRemoved: true }, arrive("6", "x"), times)).toEqual({
      kind: "replace",
      departures: departed(["y", "9"]),
    });
  });

  test("of another owner replaces a live item only with a newer version", () => {
    expect(decide(guard("2", "y"), arrive("3", "x"), times).kind).toBe("replace");
    expect(decide(guard("4", "y"), arrive("3", "x"), times)).toEqual({ kind: "superseded" });
  });

  test("that leaves the key of another owner only adds the departure", () => {
    const seen = guard("9", "y", { departures: departed(["z", "4"]) });
    expect(decide(seen, leave("3", "x"), times)).toEqual({
      kind: "keep",
      guard: { ...seen, departures: departed(["z", "4"], ["x", "3"]) },
    });
  });

  test("forgets expired departures", () => {
    const seen = guard("2", "x", { departures: departed(["old", "1", 1_000], ["z", "1", 1_001]) });
    expect(decide(seen, arrive("3", "x"), times)).toEqual({
      kind: "replace",
      departures: departed(["z", "1", 1_001]),
    });
  });

  test("of any owner becomes the owner of a guard without an owner", () => {
    expect(decide({ version: "2", isRemoved: false }, arrive("3", "x"), times).kind).toBe("replace");
    expect(decide({ version: "4", isRemoved: false }, leave("3", "x"), times).kind).toBe("superseded");
  });
});

test("a guard is the same after it was written and read", () => {
  const given = guard("7", "x", { isRemoved: true, departures: departed(["y", "5"], ["__proto__", "6"]) });
  expect(readGuard(wireGuard(given))).toEqual(given);
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
