import { describe, expect, test } from "@jest/globals";
import {
  answersById,
  type BatchRequests,
  ConfigError,
  type EntryAnswer,
  SinkError,
  type WriteResult,
  withIds,
  writeInRequests,
} from "../src/sink-kit.ts";
import { appendDelivery, contextOf } from "./append-deliveries.ts";

type Send = (entries: readonly string[], signal: AbortSignal) => Promise<readonly EntryAnswer[]>;

const takesAll: Send = async (entries) => entries.map(() => "taken");

/** Creates a target for strings. One request may have at most three entries and at most ten bytes. */
const target = (send: Send, given: Partial<BatchRequests<string, string>> = {}) => {
  const requests: (readonly string[])[] = [];
  const sink = writeInRequests<string, string>({
    sink: "texts",
    maxEntries: 3,
    maxBytes: 10,
    encode: ({ message }) => ({ entry: message, bytes: Buffer.byteLength(message) }),
    send: (entries, signal) => {
      requests.push(entries);
      return send(entries, signal);
    },
    classify: (error) => (error instanceof SinkError ? error : new SinkError("SINK_UNAVAILABLE", String(error))),
    ...given,
  });
  return { requests, ...sink };
};

/** The outcome or the error code of each message. */
const outcomes = (results: readonly WriteResult[]): Record<string, string> =>
  Object.fromEntries(
    results.map((result) => [
      String(result.delivery.message),
      result.outcome === "failed" ? result.error.code : result.outcome,
    ]),
  );

const batch = (...messages: string[]) => messages.map((message) => appendDelivery(message, message));

describe("requests", () => {
  test("are split by entries and by bytes, and sent in order", async () => {
    const { requests, write } = target(takesAll);
    const results = await write(batch("a", "b", "c", "d", "123456789", "12"), contextOf());
    expect(requests).toEqual([["a", "b", "c"], ["d", "123456789"], ["12"]]);
    expect(new Set(Object.values(outcomes(results)))).toEqual(new Set(["delivered"]));
  });

  test("omit entries that are too large and deliveries that cannot be encoded", async () => {
    const { requests, write } = target(takesAll, {
      encode: ({ message }) => {
        if (message === "bad") throw new SinkError("SINK_REJECTED", "bad");
        return { entry: message, bytes: message.length };
      },
    });
    const results = await write(batch("a", "bad", "12345678901", "b"), contextOf());
    expect(requests).toEqual([["a", "b"]]);
    expect(outcomes(results)).toEqual({
      a: "delivered",
      b: "delivered",
      bad: "SINK_REJECTED",
      "12345678901": "SINK_TOO_LARGE",
    });
  });

  test("are not sent by dryRun, but deliveries that can never be sent are reported", async () => {
    const { requests, dryRun } = target(takesAll, {
      encode: ({ message }) => {
        if (message === "bad") throw new SinkError("SINK_REJECTED", "bad");
        return { entry: message, bytes: message.length };
      },
    });
    expect(outcomes(await dryRun(batch("a", "bad", "12345678901"), contextOf()))).toEqual({
      a: "delivered",
      bad: "SINK_REJECTED",
      "12345678901": "SINK_TOO_LARGE",
    });
    expect(requests).toEqual([]);
  });

  test("are not sent for an empty batch", async () => {
    const { requests, write } = target(takesAll);
    expect(await write([], contextOf())).toEqual([]);
    expect(requests).toEqual([]);
  });

  test("reject only the delivery whose encoder throws", async () => {
    const { write } = target(takesAll, {
      encode: () => {
        throw new TypeError("a bug");
      },
    });
    const [result] = await write(batch("a"), contextOf());
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SINK_REJECTED" } });
  });
});

describe("responses", () => {
  test("determine the result of each entry; an entry without an answer has no result", async () => {
    const { write } = target(async () => ["taken", new SinkError("SINK_THROTTLED", "slow"), undefined]);
    expect(outcomes(await write(batch("a", "b", "c"), contextOf()))).toEqual({ a: "delivered", b: "SINK_THROTTLED" });
  });

  test("that reject a request are followed by a request for each entry, so that only the bad entry fails", async () => {
    const { requests, write } = target(async (entries) => {
      if (entries.includes("b")) throw new SinkError("SINK_REJECTED", "b is bad");
      return entries.map(() => "taken");
    });
    const results = await write(batch("a", "b", "c", "d"), contextOf());
    expect(requests).toEqual([["a", "b", "c"], ["a"], ["b"], ["c"], ["d"]]);
    expect(outcomes(results)).toEqual({ a: "delivered", b: "SINK_REJECTED", c: "delivered", d: "delivered" });
  });

  test("that refuse a request as if the target were unusable reject only the entry that fails alone", async () => {
    const { requests, write } = target(async (entries) => {
      if (entries.includes("b")) throw new SinkError("SINK_DENIED", "denied");
      return entries.map(() => "taken");
    });
    const results = await write(batch("a", "b", "c"), contextOf());
    expect(requests).toEqual([["a", "b", "c"], ["a"], ["b"], ["c"]]);
    expect(outcomes(results)).toEqual({ a: "delivered", b: "SINK_REJECTED", c: "delivered" });
  });

  test("that refuse every entry are the target's fault, and reject none", async () => {
    const { write } = target(() => Promise.reject(new SinkError("SINK_MISSING", "no such queue")));
    const missing = "SINK_MISSING";
    expect(outcomes(await write(batch("a", "b", "c"), contextOf()))).toEqual({ a: missing, b: missing, c: missing });
  });

  test("that report a transient failure end the call: the remaining deliveries fail without a request", async () => {
    const { requests, write } = target(async (entries) => {
      if (entries.includes("d")) throw new SinkError("SINK_THROTTLED", "slow");
      return entries.map(() => "taken");
    });
    const results = await write(batch("a", "b", "c", "d", "e", "f", "g"), contextOf());
    expect(requests).toEqual([
      ["a", "b", "c"],
      ["d", "e", "f"],
    ]);
    const slow = { d: "SINK_THROTTLED", e: "SINK_THROTTLED", f: "SINK_THROTTLED", g: "SINK_THROTTLED" };
    expect(outcomes(results)).toEqual({ a: "delivered", b: "delivered", c: "delivered", ...slow });
  });

  test("are thrown if a package is missing", async () => {
    const { write } = target(async () => {
      throw new ConfigError("CONFIG_MISSING_DEPENDENCY", "no package");
    });
    await expect(write(batch("a"), contextOf())).rejects.toMatchObject({ code: "CONFIG_MISSING_DEPENDENCY" });
  });
});

describe("the signal", () => {
  test("prevents requests", async () => {
    const { requests, write } = target(takesAll);
    expect(outcomes(await write(batch("a"), contextOf(AbortSignal.abort())))).toEqual({ a: "DEADLINE_EXCEEDED" });
    expect(requests).toEqual([]);
  });

  test("ends a request that is not answered, and prevents further requests", async () => {
    const invocation = new AbortController();
    const { requests, write } = target(() => {
      queueMicrotask(() => invocation.abort());
      return new Promise(() => undefined);
    });
    const results = await write(batch("a", "b", "c", "d"), contextOf(invocation.signal));
    expect(new Set(Object.values(outcomes(results)))).toEqual(new Set(["SINK_TIMEOUT"]));
    expect(requests).toHaveLength(1);
  });
});

describe("ids", () => {
  const service = { name: "SNS", codes: {} };

  test("are the indices of the entries, so that each answer is assigned to its entry", () => {
    expect(withIds([{ text: "a" }, { text: "b" }])).toEqual([
      { text: "a", Id: "0" },
      { text: "b", Id: "1" },
    ]);
    const answers = answersById("orders", service, {
      Successful: [{ Id: "2" }],
      Failed: [{ Id: "0", Code: "Throttled", SenderFault: false, Message: "slow" }],
    });
    expect(answers.map((answer) => (answer instanceof SinkError ? answer.code : answer))).toEqual([
      "SINK_THROTTLED",
      undefined,
      "taken",
    ]);
  });

  test("are not found in a response without lists", () => {
    expect(answersById("orders", service, {})).toEqual([]);
  });
});
