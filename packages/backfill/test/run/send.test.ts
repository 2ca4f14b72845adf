// How the records of a page are sent: in requests, halves, and again.

import { describe, expect, test } from "@jest/globals";
import type { MessageOutcome, StreamRecord } from "@sluice/core/envelope";
import { fakeClock } from "@sluice/local";
import { FunctionBrokenError, FunctionUnreachableError, type Invoke, type TaskEvent } from "../../src/index.ts";
import { type SendLimits, sendRecords } from "../../src/run/send.ts";
import { memorySource } from "./memory-source.ts";

const recordsOf = async (ids: readonly string[]): Promise<readonly StreamRecord[]> => {
  const source = memorySource([[ids]]);
  const [unit] = await source.units();
  for await (const { records } of source.pages(unit as never, undefined, new AbortController().signal)) return records;
  return [];
};

const idOf = ({ dynamodb }: StreamRecord): string => (dynamodb?.Keys?.id as { S: string } | undefined)?.S ?? "";

type Decide = (id: string, request: number) => Partial<MessageOutcome>;

/** A function that answers what `decide` says of each record, and notes the sizes of its requests. */
const scripted = (decide: Decide, before: (event: TaskEvent) => void = () => undefined) => {
  const requests: string[][] = [];
  const invoke: Invoke = async (event) => {
    requests.push(event.Records.map(idOf));
    before(event);
    const outcomes = event.Records.map(
      (record): MessageOutcome => ({
        itemIdentifier: record.eventID ?? "",
        outcome: "delivered",
        ...decide(idOf(record), requests.length),
      }),
    );
    return { outcomes, routes: ["one"] };
  };
  return { invoke, requests };
};

const send = async (
  ids: readonly string[],
  invoke: Invoke,
  limits: SendLimits = {},
  stop: { readonly signal?: AbortSignal; readonly isOver?: () => boolean } = {},
) =>
  sendRecords(await recordsOf(ids), {
    invoke,
    task: "backfill",
    routes: undefined,
    limits,
    clock: fakeClock(),
    signal: stop.signal ?? new AbortController().signal,
    isOver: stop.isOver ?? (() => false),
  });

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `o-${index}`);

describe("requests", () => {
  test("have at most so many records, in order", async () => {
    const { invoke, requests } = scripted(() => ({}));
    await send(ids(7), invoke, { maxRecords: 3 });
    expect(requests).toEqual([["o-0", "o-1", "o-2"], ["o-3", "o-4", "o-5"], ["o-6"]]);
  });

  test("have at most so many bytes, and at least one record", async () => {
    const bytes: number[] = [];
    const { invoke, requests } = scripted(
      () => ({}),
      (event) => bytes.push(Buffer.byteLength(JSON.stringify(event))),
    );
    await send(ids(10), invoke, { maxBytes: 2_000 });
    expect(requests.flat()).toEqual(ids(10));
    expect(requests.length).toBeGreaterThan(1);
    for (const size of bytes) expect(size).toBeLessThanOrEqual(2_000);
    const tiny = scripted(() => ({}));
    await send(ids(2), tiny.invoke, { maxBytes: 10 });
    expect(tiny.requests).toEqual([["o-0"], ["o-1"]]);
  });

  test("name the routes, and a task", async () => {
    const events: TaskEvent[] = [];
    const { invoke } = scripted(
      () => ({}),
      (event) => events.push(event),
    );
    await sendRecords(await recordsOf(["a"]), {
      invoke,
      task: "replay",
      routes: ["one"],
      limits: undefined,
      clock: fakeClock(),
      signal: new AbortController().signal,
      isOver: () => false,
    });
    expect(events[0]?.sluice).toEqual({ task: "replay", routes: ["one"] });
  });
});

describe("failures", () => {
  test("a rejected record is a failure at once, with its key, and no other value", async () => {
    const { invoke, requests } = scripted((id) =>
      id === "o-1" ? { outcome: "rejected", code: "MAPPING_FAILED", message: "no", route: "one" } : {},
    );
    const sent = await send(ids(3), invoke);
    expect(requests).toHaveLength(1);
    expect(sent?.outcomes).toEqual(["delivered", "rejected", "delivered"]);
    expect(sent?.failures).toEqual([
      { keys: { id: { S: "o-1" } }, kind: "rejected", route: "one", code: "MAPPING_FAILED", message: "no" },
    ]);
  });

  test("retried records alone are sent again, and count by their last outcome", async () => {
    const { invoke, requests } = scripted((id, request) =>
      id === "o-1" && request < 3 ? { outcome: "retried", code: "SINK_THROTTLED" } : {},
    );
    const sent = await send(ids(3), invoke);
    expect(requests).toEqual([ids(3), ["o-1"], ["o-1"]]);
    expect(sent).toMatchObject({ outcomes: ["delivered", "delivered", "delivered"], failures: [] });
  });

  test("a record that is retried at every attempt is a failure of kind retried", async () => {
    const { invoke, requests } = scripted(() => ({ outcome: "retried", code: "SINK_UNAVAILABLE", message: "down" }));
    const sent = await send(["a"], invoke, { maxAttempts: 4 });
    expect(requests).toHaveLength(4);
    expect(sent?.failures).toMatchObject([{ kind: "retried", code: "SINK_UNAVAILABLE" }]);
  });

  test("records that the handler had no time for are sent at once, in smaller requests", async () => {
    const { invoke, requests } = scripted((id, request) =>
      request === 1 && id !== "o-0" ? { outcome: "retried", code: "DEADLINE_EXCEEDED" } : {},
    );
    // With one attempt, only records that do not wait are sent again.
    const sent = await send(ids(4), invoke, { maxAttempts: 1 });
    expect(requests).toEqual([ids(4), ["o-1"], ["o-2", "o-3"]]);
    expect(sent?.failures).toEqual([]);
  });

  test("a request that fails as a whole is halved until the bad record stands alone", async () => {
    const { invoke, requests } = scripted(
      () => ({}),
      ({ Records }) => {
        if (Records.map(idOf).includes("o-5")) throw new TypeError("a secret value");
      },
    );
    const sent = await send(ids(8), invoke, { maxAttempts: 2 });
    expect(requests.filter((request) => request.length === 1 && request[0] === "o-5")).toHaveLength(2);
    expect(sent?.outcomes.filter((outcome) => outcome === "delivered")).toHaveLength(7);
    expect(sent?.failures).toMatchObject([{ keys: { id: { S: "o-5" } }, kind: "retried", code: "FUNCTION_FAILED" }]);
    expect(JSON.stringify(sent)).not.toContain("secret");
  });

  test("one record of a thousand that crashes the function does not make the function broken", async () => {
    const { invoke } = scripted(
      () => ({}),
      ({ Records }) => {
        if (Records.map(idOf).includes("o-999")) throw new Error("crash");
      },
    );
    const sent = await send(ids(1_000), invoke);
    expect(sent?.failures).toHaveLength(1);
  });

  test("a function that always fails is broken, soon", async () => {
    const { invoke, requests } = scripted(
      () => ({}),
      () => {
        throw new Error("crash");
      },
    );
    await expect(send(ids(1_000), invoke)).rejects.toThrow(FunctionBrokenError);
    expect(requests.length).toBeLessThan(50);
  });

  test.each([
    ["an unreachable function", new FunctionUnreachableError("no such function"), FunctionUnreachableError],
    ["a wrong option", Object.assign(new Error("[shop] no route x"), { name: "ConfigError" }), /no route x/],
    [
      "a wrong option in Lambda",
      Object.assign(new Error("ConfigError: no route x"), { errorType: "ConfigError" }),
      /no route x/,
    ],
  ])("%s ends the run at the first request", async (_, error, expected) => {
    const { invoke, requests } = scripted(
      () => ({}),
      () => {
        throw error;
      },
    );
    await expect(send(ids(8), invoke)).rejects.toThrow(expected);
    expect(requests).toHaveLength(1);
  });

  test.each([
    [null, "no outcomes"],
    [{ batchItemFailures: [] }, "no outcomes"],
    ["", "no outcomes"],
    [{ outcomes: "delivered" }, "no outcomes"],
    [{ outcomes: [] }, "0 outcomes for 2 records"],
    [{ outcomes: [{ outcome: "delivered" }, null] }, "an unknown outcome at position 1"],
    [{ outcomes: [{ outcome: "delivered" }, {}] }, "an unknown outcome at position 1"],
    [{ outcomes: [{ outcome: "done" }, { outcome: "delivered" }] }, "an unknown outcome at position 0"],
    [{ outcomes: [{ outcome: "records" }, { outcome: "delivered" }] }, "an unknown outcome at position 0"],
    [{ outcomes: ["delivered", "delivered"] }, "an unknown outcome at position 0"],
    [{ outcomes: [{ outcome: "rejected", code: 7 }, { outcome: "delivered" }] }, "an unknown outcome at position 0"],
  ])("the answer %j is none of a pipeline that knows backfills", async (answer, found) => {
    await expect(send(ids(2), async () => answer as never)).rejects.toThrow(found);
  });
});

describe("the end", () => {
  test("a signal ends the wait between two attempts: the page must be read again", async () => {
    const controller = new AbortController();
    const { invoke, requests } = scripted(
      () => ({ outcome: "retried", code: "SINK_THROTTLED" }),
      () => controller.abort(),
    );
    expect(await send(ids(2), invoke, {}, { signal: controller.signal })).toBeUndefined();
    expect(requests).toHaveLength(1);
  });

  test("a signal does not end the requests of a page", async () => {
    const controller = new AbortController();
    const { invoke, requests } = scripted(
      () => ({}),
      () => controller.abort(),
    );
    const sent = await send(ids(4), invoke, { maxRecords: 1 }, { signal: controller.signal });
    expect(sent?.outcomes).toHaveLength(4);
    expect(requests).toHaveLength(4);
  });

  test("the end of the time ends a wait, too", async () => {
    const { invoke } = scripted(() => ({ outcome: "retried", code: "SINK_THROTTLED" }));
    expect(await send(["a"], invoke, {}, { isOver: () => true })).toBeUndefined();
  });
});
