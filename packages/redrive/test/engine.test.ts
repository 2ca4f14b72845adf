// Requests: their size, what is asked for again, and what a failing function does to them.

import { describe, expect, test } from "@jest/globals";
import { CommandError } from "../../cli/src/command-line/command-error.ts";
import { FunctionFailedError } from "../../cli/src/redrive/invoker.ts";
import type { Entry } from "../../cli/src/redrive/delivery-unit.ts";
import type { RedriveEvent } from "../src/task.ts";
import { type EntryResult, sender } from "../src/engine.ts";

interface Script {
  /** The outcome of a message at its place in the request; default delivered. */
  readonly answer?: (id: string, place: number) => { readonly outcome: string; readonly code?: string } | undefined;
  /** Runs before the answer, with the ids of the request. */
  readonly before?: (ids: readonly string[]) => void;
  readonly perSecond?: number;
}

const entriesOf = (lanes: readonly string[]): Entry[] =>
  lanes.map((lane, index) => ({
    id: `${lane}${index}`,
    lane,
    version: String(index),
    place: { offset: index, bytes: 1 },
    parcel: { messages: [], claims: [], open: 1, settled: undefined },
  }));

const bench = ({ answer = () => ({ outcome: "delivered" }), before = () => undefined, perSecond }: Script) => {
  const requests: string[][] = [];
  const results = new Map<string, EntryResult>();
  const stop = new AbortController();
  const send = sender({
    invoker: {
      invoke: async (event) => {
        const ids = (event as RedriveEvent).Records.map(({ messageId }) => messageId);
        requests.push(ids);
        before(ids);
        const outcomes = ids.flatMap((itemIdentifier, place) => {
          const found = answer(itemIdentifier, place);
          return found === undefined ? [] : [{ itemIdentifier, ...found }];
        });
        const failed = outcomes.filter(({ outcome }) => outcome === "retried" || outcome === "rejected");
        return { batchItemFailures: failed.map(({ itemIdentifier }) => ({ itemIdentifier })), outcomes };
      },
      close: async () => undefined,
    },
    spool: { add: async () => ({ offset: 0, bytes: 0 }), read: async () => "body", close: async () => undefined },
    isDryRun: false,
    perSecond,
    pace: async () => undefined,
    signal: stop.signal,
    settle: async (settled) => {
      for (const [{ id }, result] of settled) {
        if (results.has(id)) throw new Error(`${id} is settled twice`);
        results.set(id, result);
      }
    },
  });
  const outcomes = () => [...results].sort().map(([id, { outcome, code }]) => [id, code ?? outcome]);
  return { requests, results, outcomes, send, stop };
};

const sizes = (requests: readonly string[][]): number[] => requests.map((ids) => ids.length);

describe("requests", () => {
  test("hold a hundred messages, and not more than the rate allows in a second", async () => {
    const lanes = Array.from({ length: 250 }, (_, index) => `lane ${index} `);
    const free = bench({});
    await free.send(entriesOf(lanes));
    expect(sizes(free.requests)).toEqual([100, 100, 50]);
    const paced = bench({ perSecond: 7 });
    await paced.send(entriesOf(lanes.slice(0, 15)));
    expect(sizes(paced.requests)).toEqual([7, 7, 1]);
  });

  test("become smaller when the function's time is over before all is done, and nothing is left of them", async () => {
    const { requests, results, send } = bench({
      answer: (_, place) => (place < 30 ? { outcome: "delivered" } : { outcome: "retried", code: "DEADLINE_EXCEEDED" }),
    });
    await send(entriesOf(Array.from({ length: 100 }, (_, index) => `lane ${index} `)));
    expect(sizes(requests)).toEqual([100, 30, 40, 10]);
    expect(new Set([...results.values()].map(({ outcome }) => outcome))).toEqual(new Set(["delivered"]));
  });

  test("for which the function has no time at all are halved, down to one", async () => {
    const { requests, outcomes, send } = bench({
      answer: () => ({ outcome: "retried", code: "DEADLINE_EXCEEDED" }),
    });
    await send(entriesOf(["a", "b", "c"]));
    expect(sizes(requests)).toEqual([3, 2, 1, 2, 1, 1]);
    expect(outcomes().map(([, code]) => code)).toEqual(Array(3).fill("DEADLINE_EXCEEDED"));
  });

  test("that the function dies of are halved until the message is alone; others of its item wait", async () => {
    const { requests, outcomes, send } = bench({
      before: (ids) => {
        if (ids.includes("b3")) throw new FunctionFailedError("out of memory");
      },
    });
    await send(entriesOf(["a", "a", "b", "b", "b", "c", "c", "c"]));
    expect(outcomes()).toEqual([
      ["a0", "delivered"],
      ["a1", "delivered"],
      ["b2", "delivered"],
      ["b3", "FUNCTION_FAILED"],
      ["b4", "unsent"],
      ["c5", "delivered"],
      ["c6", "delivered"],
      ["c7", "delivered"],
    ]);
    expect(requests.filter((ids) => ids.includes("b3")).at(-1)).toEqual(["b3"]);
  });

  test("end when three messages in a row fail with the whole function", async () => {
    const { requests, outcomes, send } = bench({
      before: () => {
        throw new FunctionFailedError("broken");
      },
    });
    await expect(send(entriesOf([..."abcdefgh"]))).rejects.toThrow("broken");
    expect(sizes(requests)).toEqual([8, 4, 2, 1, 1, 1]);
    expect(outcomes().map(([, outcome]) => outcome)).toEqual([
      ...Array(3).fill("FUNCTION_FAILED"),
      ...Array(5).fill("unsent"),
    ]);
  });

  test("end when the function cannot be called, and all that was not sent is told", async () => {
    const { outcomes, send } = bench({
      before: () => {
        throw new CommandError("no such function");
      },
    });
    await expect(send(entriesOf(["a", "b"]))).rejects.toThrow("no such function");
    expect(outcomes().map(([, outcome]) => outcome)).toEqual(["unsent", "unsent"]);
  });

  test("end at the signal", async () => {
    const { requests, outcomes, send, stop } = bench({ before: () => stop.abort(), perSecond: 1 });
    await send(entriesOf(["a", "b"]));
    expect(requests).toHaveLength(1);
    expect(outcomes()).toEqual([
      ["a0", "delivered"],
      ["b1", "unsent"],
    ]);
  });
});

describe("answers", () => {
  test("that do not name a message leave it where it is", async () => {
    const { results, send } = bench({ answer: (id) => (id === "a0" ? undefined : { outcome: "delivered" }) });
    await send(entriesOf(["a", "b"]));
    expect(results.get("a0")).toMatchObject({ outcome: "retried", stays: true, code: "UNANSWERED" });
    expect(results.get("b1")).toMatchObject({ outcome: "delivered", stays: false });
  });

  test("block what comes later of a lane, in this round and in the next", async () => {
    const { requests, outcomes, send } = bench({
      answer: (id) => (id === "a0" ? { outcome: "retried", code: "SINK_TIMEOUT" } : { outcome: "delivered" }),
      perSecond: 1,
    });
    const [first, second, other, third] = entriesOf(["a", "a", "b", "a"]) as [Entry, Entry, Entry, Entry];
    await send([first, second, other]);
    await send([third]);
    expect(requests).toEqual([["a0"], ["b2"]]);
    expect(outcomes()).toEqual([
      ["a0", "SINK_TIMEOUT"],
      ["a1", "unsent"],
      ["a3", "unsent"],
      ["b2", "delivered"],
    ]);
  });
});
