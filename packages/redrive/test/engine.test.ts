// Tests how many messages a request contains, when the engine repeats a request, and how it handles a failed function.

import { describe, expect, test } from "@jest/globals";
import {
  BrokenFunctionError,
  FunctionFailedError,
  functionFailed,
  invokeFunction,
  type MessageOrder,
  maxFailuresInARow,
  maxRequestBytes,
  maxRequestMessages,
  messageRate,
  type RedriveResult,
  redriveEngine,
} from "../src/index.ts";

interface TestMessage extends MessageOrder {
  readonly id: string;
}

interface Script {
  /** Returns the outcome of a message; `place` is its index in the request. Default: delivered. */
  readonly answer?: (id: string, place: number) => { readonly outcome: string; readonly code?: string } | undefined;
  /** Runs before the function answers, with the ids of the request's messages. */
  readonly before?: (ids: readonly string[]) => void;
  readonly perSecond?: number;
  readonly isDryRun?: boolean;
  readonly body?: string;
}

const messagesOf = (groups: readonly string[]): TestMessage[] =>
  groups.map((group, index) => ({ id: `${group}${index}`, group, version: String(index).padStart(4, "0") }));

const bench = (script: Script) => {
  const { answer = () => ({ outcome: "delivered" }), before = () => undefined, body = "body" } = script;
  const { perSecond, isDryRun = false } = script;
  const requests: string[][] = [];
  const results = new Map<string, RedriveResult>();
  const stop = new AbortController();
  const engine = redriveEngine<TestMessage>({
    invoke: async ({ Records }) => {
      const ids = Records.map(({ messageId }) => messageId);
      requests.push(ids);
      before(ids);
      const outcomes = ids.flatMap((itemIdentifier, place) => {
        const found = answer(itemIdentifier, place);
        return found === undefined ? [] : [{ itemIdentifier, ...found }];
      });
      const failed = outcomes.filter(({ outcome }) => outcome === "retried" || outcome === "rejected");
      return { batchItemFailures: failed.map(({ itemIdentifier }) => ({ itemIdentifier })), outcomes };
    },
    recordOf: ({ id }) => ({ messageId: id, body }),
    isDryRun,
    rate: messageRate(perSecond, { now: () => 0, sleep: async () => undefined }),
    signal: stop.signal,
    onResults: async (given) => {
      for (const [{ id }, result] of given) {
        if (results.has(id)) throw new Error(`${id} has two results`);
        results.set(id, result);
      }
    },
  });
  const outcomes = () => [...results].sort().map(([id, { outcome, code }]) => [id, code ?? outcome]);
  return { requests, results, outcomes, send: engine.send, stop };
};

const broken = (): never => {
  throw functionFailed("Runtime.ExitError", "broken");
};

const ofRoutes = (routes: readonly string[]): TestMessage[] =>
  messagesOf(routes).map((message) => ({ ...message, route: message.group }));

test("an engine refuses options that it does not know, by name", () => {
  const options = {
    invoke: async () => ({}),
    recordOf: () => ({ messageId: "", body: "" }),
    onResults: async () => undefined,
  };
  expect(() => redriveEngine({ ...options, dryRun: true } as never)).toThrow(/^redriveEngine has no option "dryRun"/);
});

describe("the order of routes", () => {
  /** Sends one message for each route. Returns the ids of each request. */
  const sent = async (routes: readonly string[], answer: () => object): Promise<string[][]> => {
    const requests: string[][] = [];
    const engine = redriveEngine<TestMessage>({
      invoke: async ({ Records }) => {
        requests.push(Records.map(({ messageId }) => messageId));
        const outcomes = Records.map(({ messageId }) => ({ itemIdentifier: messageId, outcome: "delivered" }));
        return { batchItemFailures: [], outcomes, ...answer() };
      },
      recordOf: ({ id }) => ({ messageId: id, body: "body" }),
      onResults: async () => undefined,
    });
    await engine.send(ofRoutes(routes));
    return requests;
  };

  test("is the pipeline's order, and no request has messages of two routes", async () => {
    const routes = ["parents", "children"];
    expect(await sent(["gone", "children", "parents", "children"], () => ({ routes }))).toEqual([
      [],
      ["parents2"],
      ["children1", "children3"],
      ["gone0"],
    ]);
  });

  test("is not asked for if all messages are of one route", async () => {
    expect(await sent(["children", "children"], () => ({}))).toEqual([["children0", "children1"]]);
  });

  test("is the messages' order if the function does not name its routes", async () => {
    for (const answer of [() => ({}), () => ({ routes: 7 })]) {
      expect(await sent(["b", "a"], answer)).toEqual([[], ["b0", "a1"]]);
    }
    let calls = 0;
    const failing = () => {
      calls += 1;
      return calls === 1 ? broken() : {};
    };
    expect(await sent(["b", "a"], failing)).toEqual([[], ["b0", "a1"]]);
  });
});

const sizes = (requests: readonly string[][]): number[] => requests.map((ids) => ids.length);

describe("requests", () => {
  test("contain at most a hundred messages, and not more than the rate allows in a second", async () => {
    const groups = Array.from({ length: 250 }, (_, index) => `group ${index} `);
    const free = bench({});
    await free.send(messagesOf(groups));
    expect(sizes(free.requests)).toEqual([100, 100, 50]);
    const paced = bench({ perSecond: 7 });
    await paced.send(messagesOf(groups.slice(0, 15)));
    expect(sizes(paced.requests)).toEqual([7, 7, 1]);
  });

  test("become smaller when the function runs out of time, until every message is delivered", async () => {
    const { requests, results, send } = bench({
      answer: (_, place) => (place < 30 ? { outcome: "delivered" } : { outcome: "retried", code: "DEADLINE_EXCEEDED" }),
    });
    await send(messagesOf(Array.from({ length: 100 }, (_, index) => `group ${index} `)));
    expect(sizes(requests)).toEqual([100, 30, 40, 10]);
    expect(new Set([...results.values()].map(({ outcome }) => outcome))).toEqual(new Set(["delivered"]));
  });

  test("are halved down to one message if the function finishes none in its time", async () => {
    const { requests, outcomes, send } = bench({
      answer: () => ({ outcome: "retried", code: "DEADLINE_EXCEEDED" }),
    });
    await send(messagesOf(["a", "b", "c"]));
    expect(sizes(requests)).toEqual([3, 2, 1, 2, 1, 1]);
    expect(outcomes().map(([, code]) => code)).toEqual(Array(3).fill("DEADLINE_EXCEEDED"));
  });

  test("are halved until the message that crashes the function is alone, and later changes wait", async () => {
    const { requests, outcomes, send } = bench({
      before: (ids) => {
        if (ids.includes("b3")) throw functionFailed("Runtime.ExitError", "out of memory");
      },
    });
    await send(messagesOf(["a", "a", "b", "b", "b", "c", "c", "c"]));
    expect(outcomes()).toEqual([
      ["a0", "delivered"],
      ["a1", "delivered"],
      ["b2", "delivered"],
      ["b3", "FUNCTION_FAILED"],
      ["b4", "EARLIER_CHANGE_FAILED"],
      ["c5", "delivered"],
      ["c6", "delivered"],
      ["c7", "delivered"],
    ]);
    expect(requests.filter((ids) => ids.includes("b3")).at(-1)).toEqual(["b3"]);
  });

  test("end after sixteen failed requests in a row", async () => {
    const { requests, outcomes, send } = bench({ before: broken });
    const groups = Array.from({ length: 100 }, (_, index) => `group ${index} `);
    await expect(send(messagesOf(groups))).rejects.toThrow(BrokenFunctionError);
    expect(sizes(requests)).toEqual([100, 50, 25, 13, 7, 4, 2, 1, 1, 2, 1, 1, 3, 2, 1, 1]);
    expect(requests).toHaveLength(maxFailuresInARow);
    const failed = outcomes().filter(([, outcome]) => outcome === "FUNCTION_FAILED");
    expect([failed.length, outcomes().length]).toEqual([6, 100]);
  });

  test("continue after fifteen failed requests in a row, which five adjacent bad messages can cause", async () => {
    const isDeadly = (id: string): boolean => Number(id.split(" ")[1]) < 5;
    const { outcomes, send } = bench({ before: (ids) => (ids.some(isDeadly) ? broken() : undefined) });
    await send(messagesOf(Array.from({ length: 100 }, (_, index) => `group ${index} `)));
    expect(outcomes().filter(([, outcome]) => outcome === "FUNCTION_FAILED")).toHaveLength(5);
    expect(outcomes().filter(([, outcome]) => outcome === "delivered")).toHaveLength(95);
  });

  test("end when the function cannot be called, and every message has a result", async () => {
    const { outcomes, send } = bench({
      before: () => {
        throw new Error("no such function");
      },
    });
    await expect(send(messagesOf(["a", "b"]))).rejects.toThrow("no such function");
    expect(outcomes().map(([, outcome]) => outcome)).toEqual(["unsent", "unsent"]);
  });

  test("end at the signal", async () => {
    const { requests, outcomes, send, stop } = bench({ before: () => stop.abort(), perSecond: 1 });
    await send(messagesOf(["a", "b"]));
    expect(requests).toHaveLength(1);
    expect(outcomes()).toEqual([
      ["a0", "delivered"],
      ["b1", "unsent"],
    ]);
  });
});

describe("responses", () => {
  test("that omit a message leave the message in its source", async () => {
    const { results, send } = bench({ answer: (id) => (id === "a0" ? undefined : { outcome: "delivered" }) });
    await send(messagesOf(["a", "b"]));
    expect(results.get("a0")).toMatchObject({ outcome: "retried", stays: true, code: "UNANSWERED" });
    expect(results.get("b1")).toMatchObject({ outcome: "delivered", stays: false });
  });

  test("hold back later messages of a group, in this call and in the next", async () => {
    const { requests, outcomes, send } = bench({
      answer: (id) => (id === "a0" ? { outcome: "retried", code: "SINK_TIMEOUT" } : { outcome: "delivered" }),
      perSecond: 1,
    });
    const messages = messagesOf(["a", "a", "b", "a"]);
    await send(messages.slice(0, 3));
    await send(messages.slice(3));
    expect(requests).toEqual([["a0"], ["b2"]]);
    expect(outcomes()).toEqual([
      ["a0", "SINK_TIMEOUT"],
      ["a1", "EARLIER_CHANGE_FAILED"],
      ["a3", "EARLIER_CHANGE_FAILED"],
      ["b2", "delivered"],
    ]);
  });

  test("let a message be removed if batchItemFailures omits it, even if its outcome is a queued retry", async () => {
    const results = new Map<string, RedriveResult>();
    const engine = redriveEngine<TestMessage>({
      invoke: async () => ({ batchItemFailures: [], outcomes: [{ itemIdentifier: "a0", outcome: "retried" }] }),
      recordOf: ({ id }) => ({ messageId: id, body: "" }),
      onResults: async (given) => {
        for (const [{ id }, result] of given) results.set(id, result);
      },
    });
    await engine.send(messagesOf(["a"]));
    expect(results.get("a0")).toEqual({ outcome: "retried", stays: false });
  });

  test("of a dry run let every message stay", async () => {
    const { results, send } = bench({ isDryRun: true });
    await send(messagesOf(["a"]));
    expect(results.get("a0")).toEqual({ outcome: "delivered", stays: true });
  });

  test.each([undefined, null, "ok", {}, { batchItemFailures: [] }, { outcomes: [] }])(
    "%j is refused, and no message is removed",
    async (answer) => {
      const results: RedriveResult[] = [];
      const engine = redriveEngine<TestMessage>({
        invoke: async () => answer,
        recordOf: ({ id }) => ({ messageId: id, body: "" }),
        onResults: async (given) => void results.push(...given.values()),
      });
      await expect(engine.send(messagesOf(["a"]))).rejects.toThrow(
        "expected the answer of a Sluice pipeline's handler",
      );
      expect(results).toMatchObject([{ outcome: "unsent", stays: true }]);
    },
  );
});

test("a message whose record cannot be read ends the run, and every message has a result", async () => {
  const results: RedriveResult[] = [];
  const engine = redriveEngine<TestMessage>({
    invoke: async () => undefined,
    recordOf: () => Promise.reject(new Error("disk full")),
    onResults: async (given) => void results.push(...given.values()),
  });
  await expect(engine.send(messagesOf(["a", "b"]))).rejects.toThrow("disk full");
  expect(results.map(({ outcome }) => outcome)).toEqual(["unsent", "unsent"]);
});

test("messages are sent by version within a group, and groups in the order of their first messages", async () => {
  const { requests, send } = bench({});
  const [a0, b1, a2, b3] = messagesOf(["a", "b", "a", "b"]) as [TestMessage, TestMessage, TestMessage, TestMessage];
  await send([b3, a2, b1, a0]);
  expect(requests).toEqual([["b1", "b3", "a0", "a2"]]);
});

describe("the limits of a request", () => {
  test("include six million bytes of JSON, but a single message is sent even if it is larger", async () => {
    const bytes: number[] = [];
    const bodies = ["x".repeat(2_500_000), '"'.repeat(1_700_000), "x".repeat(7_000_000), "y"];
    const engine = redriveEngine<TestMessage>({
      invoke: async (event) => {
        bytes.push(Buffer.byteLength(JSON.stringify(event)));
        const outcomes = event.Records.map(({ messageId }) => ({ itemIdentifier: messageId, outcome: "delivered" }));
        return { batchItemFailures: [], outcomes };
      },
      recordOf: ({ id, version }) => ({ messageId: id, body: bodies[Number(version)] ?? "" }),
      onResults: async () => undefined,
    });
    await engine.send(messagesOf(["a", "b", "c", "d"]));
    expect(bytes).toHaveLength(3);
    expect(bytes[0]).toBeGreaterThan(5_900_000);
    expect(bytes[0]).toBeLessThanOrEqual(maxRequestBytes);
    expect(bytes[1]).toBeGreaterThan(maxRequestBytes);
  });

  test("are exact, so that a request of one byte more is split", async () => {
    const requestsFor = async (padding: number): Promise<number> => {
      let requests = 0;
      const engine = redriveEngine<TestMessage>({
        invoke: async (event) => {
          requests += 1;
          const outcomes = event.Records.map(({ messageId }) => ({ itemIdentifier: messageId, outcome: "delivered" }));
          return { batchItemFailures: [], outcomes };
        },
        recordOf: ({ id }) => ({ messageId: id, body: id === "a0" ? "x".repeat(padding) : "" }),
        onResults: async () => undefined,
      });
      await engine.send(messagesOf(["a", "b"]));
      return requests;
    };
    const empty = { sluice: { task: "redrive", dryRun: true }, Records: [] };
    const record = (id: string) => ({ messageId: id, body: "" });
    const around =
      Buffer.byteLength(JSON.stringify(empty)) +
      Buffer.byteLength(JSON.stringify(record("a0"))) +
      Buffer.byteLength(JSON.stringify(record("b1"))) +
      2;
    expect(await requestsFor(maxRequestBytes - around)).toBe(1);
    expect(await requestsFor(maxRequestBytes - around + 1)).toBe(2);
  });

  test("are a hundred messages", () => expect(maxRequestMessages).toBe(100));
});

describe("errors of the function", () => {
  test.each([
    ["Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 3.00 seconds", "Task timed out after 3.00 seconds"],
    ["Runtime.ExitError", "Runtime exited\nmore", "Runtime.ExitError: Runtime exited"],
    ["ConfigError", "queueUrl is missing", "ConfigError: queueUrl is missing"],
    ["TypeError", "cannot read secret", "TypeError; its text is withheld because it may quote values"],
  ])("%s quote no item value", (errorType, text, message) =>
    expect(functionFailed(errorType, text)).toMatchObject({ message, errorType, code: "FUNCTION_FAILED" }),
  );

  test("count as errors of the function if Lambda refuses a request that is too large", async () => {
    const refusal = Object.assign(new Error("too large"), { name: "RequestTooLargeException" });
    const client = { invoke: () => Promise.reject(refusal) };
    const error = await invokeFunction(client, "orders", {}).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FunctionFailedError);
    expect(error).toMatchObject({ code: "SINK_TOO_LARGE", cause: refusal });
  });

  test("are the SDK's errors if the function was not called", async () => {
    const denied = Object.assign(new Error("no"), { name: "AccessDeniedException" });
    await expect(invokeFunction({ invoke: () => Promise.reject(denied) }, "orders", {})).rejects.toBe(denied);
  });
});
