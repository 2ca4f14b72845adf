import { describe, expect, test } from "@jest/globals";
import { streamChange } from "@sluice/testing";
import {
  ConfigError,
  delivered,
  encodeEach,
  halves,
  imageOf,
  RecordError,
  SinkError,
  type UpsertDelivery,
  untilAborted,
  type WriteContext,
  type WriteResult,
  withinDeadline,
  withoutDeadline,
} from "../src/sink-kit.ts";

const deliveryOf = (pk: string): UpsertDelivery<object> => ({
  change: streamChange({ keyNames: ["pk"], after: { pk } }),
  message: { pk },
  earlier: [],
});

describe("encodeEach", () => {
  const encode = (error: Error) => (delivery: UpsertDelivery<object>) => {
    if (delivery.change.keys.pk === "bad") throw error;
    return { delivery };
  };
  const [good, bad] = [deliveryOf("good"), deliveryOf("bad")];

  test.each([
    ["a SinkError", new SinkError("SINK_REJECTED", "no")],
    ["a RecordError", new RecordError("MAPPING_FAILED", "no")],
    ["the error of another copy of core", Object.assign(new Error("no"), { code: "RECORD_MISMATCH" })],
  ])("fails only the delivery of %s", (_name, error) => {
    expect(encodeEach([bad, good], encode(error))).toEqual({
      entries: [{ delivery: good }],
      results: [{ delivery: bad, outcome: "failed", error }],
    });
  });

  const thrower = (error: unknown) => (delivery: UpsertDelivery<object>) => {
    if (delivery === bad) throw error;
    return { delivery };
  };
  const trap = () => {
    throw new Error("a trap");
  };
  const hostile = new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap });
  const named = Object.assign(new Error("secret"), { name: "secret of an item", stack: undefined });

  test.each([
    ["TypeError at ", new TypeError("secret\n    at secret")],
    ["a value that is not an Error", "secret"],
    ["a value that is not an Error", undefined],
    ["a value that is not an Error", hostile],
    ["an Error", named],
    ["Error at ", Object.assign(new Error("secret"), { code: "RECORD_OF_ANOTHER_LIBRARY" })],
    ["Error at ", Object.assign(new Error("secret"), { code: "toString" })],
  ])("rejects only the delivery whose encoder threw %s", (found, thrown) => {
    const { entries, results } = encodeEach([bad, good], thrower(thrown));
    expect(entries).toEqual([{ delivery: good }]);
    const [result] = results as [WriteResult & { readonly outcome: "failed" }];
    expect(result.delivery).toBe(bad);
    expect(result.error).toMatchObject({ code: "SINK_REJECTED" });
    expect(result.error.message).toContain(`the message cannot be encoded, which threw ${found}`);
    expect(result.error.message).not.toContain("secret");
    expect(Object.is(result.error.cause, thrown)).toBe(true);
  });

  test("throws a ConfigError, also one of another copy of core", () => {
    const other = Object.assign(new Error("an option"), { code: "CONFIG_INVALID" });
    for (const error of [new ConfigError("CONFIG_INVALID", "an option"), other]) {
      expect(() => encodeEach([bad, good], thrower(error))).toThrow("an option");
    }
  });
});

describe("withinDeadline", () => {
  const batch = [deliveryOf("a"), deliveryOf("b")];
  const write = withinDeadline<object>("orders", async (given) => given.map(delivered));
  const after: WriteContext = { signal: AbortSignal.abort(), remainingMs: () => 0 };

  test("calls write for a batch before the deadline", async () => {
    expect(await write(batch, withoutDeadline)).toEqual(batch.map(delivered));
  });

  test("does not call write for an empty batch, or after the deadline", async () => {
    const never = withinDeadline<object>("orders", () => Promise.reject(new Error("called")));
    expect(await never([], withoutDeadline)).toEqual([]);
    expect(await never(batch, after)).toEqual(
      batch.map((delivery) => ({
        delivery,
        outcome: "failed",
        error: expect.objectContaining({ code: "DEADLINE_EXCEEDED", message: expect.stringContaining("[orders]") }),
      })),
    );
  });

  test("turns a SINK_TIMEOUT into a failure of each delivery, and rejects with any other error", async () => {
    const timeout = new SinkError("SINK_TIMEOUT", "over");
    const timedOut = withinDeadline<object>("orders", () => Promise.reject(timeout));
    expect(await timedOut(batch, withoutDeadline)).toEqual(
      batch.map((delivery) => ({ delivery, outcome: "failed", error: timeout })),
    );
    const denied = withinDeadline<object>("orders", () => Promise.reject(new SinkError("SINK_DENIED", "no")));
    await expect(denied(batch, withoutDeadline)).rejects.toMatchObject({ code: "SINK_DENIED" });
  });
});

test.each([
  [[], [[], []]],
  [[1], [[1], []]],
  [
    [1, 2, 3],
    [[1, 2], [3]],
  ],
])("halves of %j are %j", (entries, expected) => {
  expect(halves<number>(entries)).toEqual(expected);
});

test("imageOf returns the record's image, or throws an error that names the option and the view type", () => {
  const change = streamChange({ after: { pk: "a", sk: "b" }, viewType: "NEW_IMAGE" });
  expect(imageOf(change, "NewImage", 'option "columns"')).toBe(change.record.dynamodb?.NewImage);
  expect(() => imageOf(change, "OldImage", 'option "columns"')).toThrow(
    expect.objectContaining({
      code: "RECORD_INCOMPLETE",
      message:
        'option "columns" needs the item\'s old image, which a record of view type NEW_IMAGE lacks; expected NEW_AND_OLD_IMAGES',
    }),
  );
});

describe("untilAborted", () => {
  const reason = (): Error => new Error("aborted");

  test("resolves and rejects like the work", async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(1), signal, reason)).toBe(1);
    await expect(untilAborted(Promise.reject(new Error("failed")), signal, reason)).rejects.toThrow("failed");
  });

  test("rejects all pending work with one listener on the signal, and does not reject settled work", async () => {
    const abort = new AbortController();
    let listeners = 0;
    const { signal } = abort;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...listener: Parameters<typeof add>) => {
      listeners += 1;
      add(...listener);
    };
    const pending = new Promise<never>(() => undefined);
    const settled = untilAborted(Promise.resolve("done"), signal, reason);
    await settled;
    const works = [1, 2, 3].map(() => untilAborted(pending, signal, reason));
    abort.abort();
    for (const work of works) await expect(work).rejects.toThrow("aborted");
    expect(await settled).toBe("done");
    expect(listeners).toBe(1);
  });

  test("rejects at once if the signal has aborted, and ignores a later rejection of the work", async () => {
    const work = Promise.reject(new Error("late"));
    await expect(untilAborted(work, AbortSignal.abort(), reason)).rejects.toThrow("aborted");
  });
});
