import { describe, expect, test } from "@jest/globals";
import { type Claim, decide, type Guard, ownerOf, readGuard, wireGuard } from "../src/write/guard.ts";

const horizon = { now: 1_000, expires: 2_000 };
const guard = (version: string, owner: string, more: Partial<Guard> = {}): Guard => ({
  version,
  owner,
  isRemoved: false,
  departures: new Map(),
  ...more,
});
const arrive = (version: string, owner: string): Claim => ({ version, owner, isRemoved: false });
const leave = (version: string, owner: string): Claim => ({ version, owner, isRemoved: true });
const departed = (...entries: readonly (readonly [string, string, number?])[]) =>
  new Map(entries.map(([owner, version, expires = 2_000]) => [owner, { version, expires }]));
const tombstone = { isRemoved: true };

describe("a claim", () => {
  test("of the owner replaces what is older, and is superseded by what is not", () => {
    expect(decide(guard("2", "x"), arrive("3", "x"), horizon)).toEqual({ kind: "replace", departures: new Map() });
    expect(decide(guard("2", "x"), arrive("2", "x"), horizon)).toEqual({ kind: "superseded" });
    expect(decide(guard("2", "x"), leave("1", "x"), horizon)).toEqual({ kind: "superseded" });
  });

  test("takes a tombstone over, whichever version it has, and remembers who left", () => {
    expect(decide(guard("9", "y", tombstone), arrive("3", "x"), horizon)).toEqual({
      kind: "replace",
      departures: departed(["y", "9"]),
    });
  });

  test("of one who has left is superseded up to its departure, and not after it", () => {
    const seen = guard("9", "y", { departures: departed(["x", "5"]) });
    expect(decide(seen, arrive("5", "x"), horizon)).toEqual({ kind: "superseded" });
    expect(decide({ ...seen, isRemoved: true }, arrive("6", "x"), horizon)).toEqual({
      kind: "replace",
      departures: departed(["y", "9"]),
    });
  });

  test("takes a live item of another one over if newer", () => {
    expect(decide(guard("2", "y"), arrive("3", "x"), horizon).kind).toBe("replace");
    expect(decide(guard("4", "y"), arrive("3", "x"), horizon)).toEqual({ kind: "superseded" });
  });

  test("to leave what another one has only notes the departure", () => {
    const seen = guard("9", "y", { departures: departed(["z", "4"]) });
    expect(decide(seen, leave("3", "x"), horizon)).toEqual({
      kind: "keep",
      guard: { ...seen, departures: departed(["z", "4"], ["x", "3"]) },
    });
  });

  test("forgets departures past the horizon", () => {
    const seen = guard("2", "x", { departures: departed(["old", "1", 1_000], ["z", "1", 1_001]) });
    expect(decide(seen, arrive("3", "x"), horizon)).toEqual({
      kind: "replace",
      departures: departed(["z", "1", 1_001]),
    });
  });

  test("treats a guard without an owner as its own", () => {
    expect(decide({ version: "2", isRemoved: false }, arrive("3", "x"), horizon).kind).toBe("replace");
    expect(decide({ version: "4", isRemoved: false }, leave("3", "x"), horizon).kind).toBe("superseded");
  });
});

test("a guard survives the target", () => {
  const given = guard("7", "x", { isRemoved: true, departures: departed(["y", "5"], ["__proto__", "6"]) });
  expect(readGuard(wireGuard(given))).toEqual(given);
});

test("what is no guard is none", () => {
  expect(
    [undefined, { S: "text" }, { M: {} }, { M: { v: { BOOL: true } } }].map((value) => readGuard(value as never)),
  ).toEqual(Array(4).fill(undefined));
});

test("an owner's name is short, and differs where the key does", () => {
  expect(ownerOf("2:pkS1:a")).toHaveLength(22);
  expect(ownerOf("2:pkS1:a")).not.toBe(ownerOf("2:pkS1:b"));
});
