import { describe, expect, test } from "@jest/globals";
import { sqsRetryQueue } from "../src/index.ts";
import { retryDays } from "../src/sink/maintenance.ts";
import {
  callUser,
  checkClient,
  checkEither,
  checkKeyMap,
  checkOptionNames,
  checkTombstoneDays,
  checkWhole,
  deliverableDays,
  isLoopbackHost,
  purgeInChunks,
} from "../src/sink-kit.ts";

const messageOf = (check: () => unknown): string => {
  try {
    check();
  } catch (error) {
    expect(error).toMatchObject({ name: "ConfigError", code: "CONFIG_INVALID" });
    return (error as Error).message;
  }
  return "accepted";
};

describe("a check of options", () => {
  test.each([
    [1, "accepted"],
    [10, "accepted"],
    [0, 'option "count" must be a whole number from 1 to 10'],
    [1.5, 'option "count" must be a whole number from 1 to 10'],
    ["5", 'option "count" must be a whole number from 1 to 10'],
  ])("for a whole number: %j is %s", (value, message) => {
    expect(messageOf(() => checkWhole("count", value, [1, 10]))).toBe(message);
  });

  test("for a whole number without an upper bound names only the lower bound", () => {
    const bounds = [1, Number.POSITIVE_INFINITY] as const;
    expect(messageOf(() => checkWhole("count", 0, bounds))).toBe('option "count" must be a whole number of at least 1');
    expect(messageOf(() => checkWhole("count", Number.MAX_SAFE_INTEGER, bounds))).toBe("accepted");
    expect(messageOf(() => checkWhole("count", Number.POSITIVE_INFINITY, bounds))).not.toBe("accepted");
  });

  test.each([
    [{ pool: {}, connection: undefined }, "accepted"],
    [{ pool: undefined, connection: {} }, "accepted"],
    [{ pool: {}, connection: {} }, 'option "pool" or option "connection" must be given, and not both'],
    [{ pool: undefined, connection: undefined }, 'option "pool" or option "connection" must be given, and not both'],
  ])("for one of two options: %j is %s", (options, message) => {
    expect(messageOf(() => checkEither(options))).toBe(message);
  });

  test.each([
    [{ a: 1 }, "accepted"],
    [{ a: 1, b: undefined }, "accepted"],
    [{ a: 1, tabel: 2 }, 'madeSink has no option "tabel"; expected only a, b'],
    [{ constructor: 1, ["__proto__"]: 2 }, 'madeSink has no option "constructor", "__proto__"; expected only a, b'],
    [null, "the options of madeSink must be an object"],
    ["text", "the options of madeSink must be an object"],
  ])("for unknown names: %j is %s", (options, message) => {
    const given = options as { readonly a?: number; readonly b?: number };
    expect(messageOf(() => checkOptionNames("madeSink", given, { b: true, a: true }))).toBe(message);
  });

  test("for a client names the option and the missing method", () => {
    expect(messageOf(() => checkClient(undefined, "send", "a client"))).toBe("accepted");
    expect(messageOf(() => checkClient({ send: () => undefined }, "send", "a client"))).toBe("accepted");
    expect(messageOf(() => checkClient(null, "connect", "a pool", "pool"))).toBe(
      'option "pool" must be a pool, with the method connect',
    );
  });

  test.each([[["id"]], [{ order_id: "id" }]])("for a key map returns a frozen copy of %j", (key) => {
    const copy = checkKeyMap(key, "must be a key map");
    expect(copy).toEqual(key);
    expect(copy).not.toBe(key);
    expect(Object.isFrozen(copy)).toBe(true);
  });

  test.each([[[]], [{}], [[""]], [{ id: 1 }], ["id"], [null]])("for a key map refuses %j", (key) => {
    expect(messageOf(() => checkKeyMap(key as never, "must be a key map"))).toBe('option "key" must be a key map');
  });

  test("for a key map accepts a function, or no key map", () => {
    const key = (): object => ({});
    expect(checkKeyMap(key, "must be a key map")).toBe(key);
    expect(checkKeyMap(undefined, "must be a key map")).toBeUndefined();
  });

  test("for the age of tombstones has a default, and refuses less than a redrive can take", () => {
    expect([checkTombstoneDays("days"), checkTombstoneDays("days", 29), checkTombstoneDays("days", 3_650)]).toEqual([
      30, 29, 3_650,
    ]);
    for (const days of [28, 0, 29.5, 3_651, Number.NaN]) {
      expect(messageOf(() => checkTombstoneDays("days", days))).toContain(
        'option "days" must be a whole number from 29 to 3650; a shorter time would let a redriven change',
      );
    }
  });
});

test.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["127.8.9.10", true],
  ["::1", true],
  ["[::1]", true],
  ["", false],
  ["127.0.0.1.example.com", false],
  ["localhost.example.com", false],
  ["10.0.0.1", false],
])("the host %j is on this machine: %s", (host, isLocal) => {
  expect(isLoopbackHost(host)).toBe(isLocal);
});

describe("purgeInChunks", () => {
  /** A table of tombstones. In each chunk, a writer replaces one of the selected tombstones by a live row. */
  const tableOf = (tombstones: number, touched: number) => {
    let left = tombstones;
    return async (most: number): Promise<number> => {
      const selected = Math.min(most, left);
      left -= selected;
      return Math.max(0, selected - touched);
    };
  };

  test.each([
    [0, 0, 0],
    [9_999, 0, 9_999],
    [10_000, 0, 10_000],
    [100_000, 0, 100_000],
    [100_000, 1, 99_990],
    [100_001, 1, 99_990],
  ])("of %i tombstones, with %i touched in each chunk, deletes %i", async (tombstones, touched, deleted) => {
    expect(await purgeInChunks(tableOf(tombstones, touched))).toBe(deleted);
  });
});

test("a user's function that returns a promise or a thenable is a wrong option", async () => {
  // biome-ignore lint/suspicious/noThenProperty: the test needs a thenable.
  const results = [Promise.resolve({ id: "1" }), Promise.reject(new Error("late")), { then: () => undefined }];
  for (const result of results) {
    expect(messageOf(() => callUser("key", () => result, {}))).toContain('option "key" returned a promise');
  }
  // biome-ignore lint/suspicious/noThenProperty: a row may have a column of this name.
  expect(callUser("key", () => ({ then: "later" }), {})).toEqual({ then: "later" });
  await new Promise((resolve) => setTimeout(resolve, 5));
});

test("a tombstone outlives every wait of a change: in the stream, in the retry queue, and as a dead letter", () => {
  expect(deliverableDays).toBe(1 + 13 + 14);
  expect(checkTombstoneDays("days")).toBeGreaterThan(deliverableDays);
  expect(() => checkTombstoneDays("days", deliverableDays)).toThrow("from 29 to 3650");
  const retryQueue = (days: number) => () => sqsRetryQueue({ queueUrl: "https://sqs/q", maxAgeSeconds: days * 86_400 });
  expect(retryQueue(retryDays)).not.toThrow();
  expect(retryQueue(retryDays + 1)).toThrow("maxAgeSeconds");
});
