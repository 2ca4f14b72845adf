import { describe, expect, test } from "@jest/globals";
import { SinkError, type WriteResult, writeEach } from "../src/sink-kit.ts";
import { appendDelivery, contextOf } from "./append-deliveries.ts";

/** Creates a sink of strings. It rejects `bad` and throttles `slow`. `bug` and `lost` throw a TypeError. */
const sinkOf = (sent: string[]) =>
  writeEach<string, string>({
    sink: "texts",
    encode: ({ message }) => {
      if (message === "bad") throw new SinkError("SINK_REJECTED", "bad");
      if (message === "bug") throw new TypeError("a bug");
      return message;
    },
    send: async (request) => {
      sent.push(request);
      if (request === "lost") throw new TypeError("a bug");
      return request === "slow" ? new SinkError("SINK_THROTTLED", "slow") : undefined;
    },
  });

const outcomes = (results: readonly WriteResult[]): string[] =>
  results.map((result) => (result.outcome === "failed" ? result.error.code : result.outcome));

const batch = (...messages: string[]) => messages.map((message) => appendDelivery(message, message));

describe("writeEach", () => {
  test("returns a result for each delivery separately", async () => {
    const sent: string[] = [];
    const results = await sinkOf(sent).write(batch("a", "bad", "slow", "b"), contextOf());
    expect(outcomes(results)).toEqual(["delivered", "SINK_REJECTED", "SINK_THROTTLED", "delivered"]);
    expect(sent).toEqual(["a", "slow", "b"]);
  });

  test("sends no request after the signal has aborted, or in a dryRun", async () => {
    const sent: string[] = [];
    const sink = sinkOf(sent);
    expect(outcomes(await sink.write(batch("a", "bad"), contextOf(AbortSignal.abort())))).toEqual([
      "DEADLINE_EXCEEDED",
      "SINK_REJECTED",
    ]);
    expect(outcomes(await sink.dryRun(batch("a", "bad"), contextOf()))).toEqual(["delivered", "SINK_REJECTED"]);
    expect(sent).toEqual([]);
  });

  test("rejects only the delivery whose encoder throws", async () => {
    const results = await sinkOf([]).write(batch("bug", "a"), contextOf());
    expect(outcomes(results)).toEqual(["SINK_REJECTED", "delivered"]);
    expect(outcomes(await sinkOf([]).dryRun(batch("bug", "a"), contextOf()))).toEqual(["SINK_REJECTED", "delivered"]);
  });

  test("does not hide a bug of sending", async () => {
    await expect(sinkOf([]).write(batch("lost"), contextOf())).rejects.toThrow("a bug");
  });
});
