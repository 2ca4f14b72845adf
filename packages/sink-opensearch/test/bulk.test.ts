import { describe, expect, test } from "@jest/globals";
import type { UpsertDelivery, WriteContext, WriteResult } from "@sluice/core/sink-kit";
import { streamChange } from "@sluice/testing";
import {
  type OpensearchClient,
  type OpensearchSink,
  type OpensearchSinkOptions,
  opensearchSink,
} from "../src/index.ts";

type RequestParams = Parameters<OpensearchClient["transport"]["request"]>[0];

/** Creates a client that returns the results of `answer`, and the list of the client's requests. */
const scripted = (answer: (body: string, request: number) => unknown) => {
  const bodies: string[] = [];
  let inFlight = 0;
  let most = 0;
  const request = async ({ bulkBody }: RequestParams): Promise<{ body: unknown }> => {
    // The check of the index finds no alias.
    if (bulkBody === undefined) return { body: {} };
    const sent = bulkBody.toString();
    bodies.push(sent);
    inFlight += 1;
    most = Math.max(most, inFlight);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    inFlight -= 1;
    const body = answer(sent, bodies.length);
    if (body instanceof Error) throw body;
    return { body };
  };
  return { client: { transport: { request } }, bodies, mostInFlight: () => most };
};

const entriesIn = (body: string): string[] => body.match(/.*\n.*\n/g) ?? [];
const actionOf = (entry: string): string => entry.slice(2, 8);
const taken = (body: string): object => ({
  errors: false,
  items: entriesIn(body).map((entry) => ({ [actionOf(entry)]: { status: 201 } })),
});
const responseError = (statusCode: number, type: string): Error =>
  Object.assign(new Error("Response Error"), { name: "ResponseError", statusCode, body: { error: { type } } });

const deliveryOf = (pk: string, message: object | undefined = { pk }): UpsertDelivery<object> => ({
  change: streamChange({ keyNames: ["pk"], after: { pk } }),
  message,
  earlier: [],
});
const batchOf = (count: number): UpsertDelivery<object>[] =>
  Array.from({ length: count }, (_, index) => deliveryOf(`item-${index}`));

const never = new AbortController().signal;

const outcomeOf = (one: WriteResult): string => (one.outcome === "failed" ? one.error.code : one.outcome);

const writeTo = async (
  client: OpensearchClient,
  batch: readonly UpsertDelivery<object>[],
  options: Partial<OpensearchSinkOptions> = {},
  context: WriteContext = { signal: never, remainingMs: () => 5_000 },
): Promise<string[]> => {
  const results = await opensearchSink({ client, index: "orders", ...options }).write(batch, context);
  return batch.map((delivery) => {
    const own = results.filter((result) => result.delivery === delivery);
    return own.map(outcomeOf).join(" and ");
  });
};

describe("a bulk response", () => {
  test("is matched to the deliveries item by item", async () => {
    const statuses = [201, 429, 400, 503, 404];
    const error = { type: "mapper_parsing_exception" };
    const { client } = scripted(() => ({
      errors: true,
      items: statuses.map((status) => ({ create: { status, ...(status === 400 && { error }) } })),
    }));
    expect(await writeTo(client, batchOf(5))).toEqual([
      "delivered",
      "SINK_THROTTLED",
      "SINK_REJECTED",
      "SINK_UNAVAILABLE",
      "SINK_MISSING",
    ]);
  });

  test("causes a second request only for documents that exist already, and noop means superseded", async () => {
    const { client, bodies } = scripted((body, request) => {
      if (request > 1) return { errors: false, items: [{ update: { status: 200, result: "noop" } }] };
      const conflict = { create: { status: 409, error: { type: "version_conflict_engine_exception" } } };
      return {
        errors: true,
        items: entriesIn(body).map((_, at) => (at === 1 ? conflict : { create: { status: 201 } })),
      };
    });
    expect(await writeTo(client, batchOf(3))).toEqual(["delivered", "superseded", "delivered"]);
    expect(bodies.map((body) => entriesIn(body).map(actionOf))).toEqual([["create", "create", "create"], ["update"]]);
    expect(bodies[1]).toContain('"_id":"item-1"');
  });

  test("with the wrong action for a delivery leaves this delivery without a result", async () => {
    const { client } = scripted(() => ({ items: [{ create: { status: 201 } }, { index: { status: 201 } }] }));
    expect(await writeTo(client, batchOf(2))).toEqual(["delivered", "SINK_UNREPORTED"]);
  });

  test.each([
    ["too few items", { errors: false, items: [{ create: { status: 201 } }] }],
    ["no items", { errors: false }],
    ["a page of HTML", "<html>"],
    ["no body", null],
  ])("with %s is malformed, and every delivery is retried", async (_name, body) => {
    const { client } = scripted(() => body);
    expect(await writeTo(client, batchOf(2))).toEqual(["SINK_UNAVAILABLE", "SINK_UNAVAILABLE"]);
  });
});

describe("requests", () => {
  test("have a limited number of entries, and a limited number of requests is in flight", async () => {
    const { client, bodies, mostInFlight } = scripted(taken);
    const outcomes = await writeTo(client, batchOf(23), { maxEntries: 5, concurrency: 3 });
    expect(new Set(outcomes)).toEqual(new Set(["delivered"]));
    expect(bodies.map((body) => entriesIn(body).length)).toEqual([5, 5, 5, 5, 3]);
    expect(mostInFlight()).toBe(3);
  });

  test("use the whole concurrency for a large batch, and are a single request for a small batch", async () => {
    const { client, bodies } = scripted(taken);
    await writeTo(client, batchOf(1_000));
    expect(bodies.map((body) => entriesIn(body).length)).toEqual([500, 500]);
    await writeTo(client, batchOf(499));
    expect(bodies).toHaveLength(3);
  });

  test("that are too large for the server are halved until they are small enough", async () => {
    const { client, bodies } = scripted((body) => (body.length > 600 ? responseError(413, "") : taken(body)));
    const batch = [...batchOf(7), deliveryOf("large", { text: "x".repeat(700) })];
    expect(await writeTo(client, batch)).toEqual([...Array(7).fill("delivered"), "SINK_TOO_LARGE"]);
    expect(bodies.length).toBeGreaterThan(3);
  });

  test("that the server refuses because of one entry are halved until this entry is alone", async () => {
    const { client } = scripted((body) =>
      body.includes("item-3") ? responseError(400, "x_content_parse_exception") : taken(body),
    );
    const outcomes = await writeTo(client, batchOf(8));
    expect(outcomes).toEqual(batchOf(8).map((_, index) => (index === 3 ? "SINK_REJECTED" : "delivered")));
  });

  test("that fail for an unclear reason are halved, and the entry that fails alone is rejected", async () => {
    for (const [status, type] of [
      [400, "illegal_argument_exception"],
      [500, "illegal_state_exception"],
    ] as const) {
      for (const bad of [0, 3, 99]) {
        const { client, bodies } = scripted((body) =>
          body.includes(`"item-${bad}"`) ? responseError(status, type) : taken(body),
        );
        const outcomes = await writeTo(client, batchOf(100));
        expect(outcomes).toEqual(batchOf(100).map((_, at) => (at === bad ? "SINK_REJECTED" : "delivered")));
        expect(bodies.length).toBeLessThanOrEqual(15);
      }
    }
  });

  test.each([
    [400, "illegal_argument_exception", "SINK_MISSING"],
    [500, "illegal_state_exception", "SINK_UNAVAILABLE"],
  ])("that all fail with %d %s stop soon, and reject nothing", async (status, type, code) => {
    for (const count of [1, 2, 1_000]) {
      const { client, bodies } = scripted(() => responseError(status, type));
      expect(new Set(await writeTo(client, batchOf(count)))).toEqual(new Set([code]));
      expect(bodies.length).toBeLessThanOrEqual(Math.ceil(Math.log2(count)) + 5);
    }
  });

  test("whose results are listed in another order are matched by their ids", async () => {
    const refusal = (id: string | null, type: string, status = 500) => ({ _id: id, status, error: { type } });
    const { client } = scripted((body, request) =>
      request > 1
        ? { items: entriesIn(body).map(() => ({ index: refusal(null, "fail_processor_exception") })) }
        : {
            items: [
              { create: { _id: "item-0", status: 201, result: "created" } },
              { create: refusal("item-3", "fail_processor_exception") },
              { create: { _id: "item-2", status: 201, result: "created" } },
              { create: refusal("item-1", "rejected_execution_exception", 429) },
            ],
          },
    );
    expect(await writeTo(client, batchOf(4))).toEqual(["delivered", "SINK_THROTTLED", "delivered", "SINK_REJECTED"]);
  });

  test("whose refusals have no ids and differ are sent again until each refusal belongs to one entry", async () => {
    const answers: Readonly<Record<string, readonly [number, string]>> = {
      "item-1": [429, "rejected_execution_exception"],
      "item-2": [500, "fail_processor_exception"],
      "item-4": [400, "script_exception"],
    };
    const { client, bodies } = scripted((body) => {
      const entries = entriesIn(body).map((entry) => ({ entry, id: /"_id":"([^"]+)"/.exec(entry)?.[1] ?? "" }));
      const refused = entries.filter(({ id }) => answers[id] !== undefined).reverse();
      const refusal = { index: { _id: null, status: 500, error: { type: "fail_processor_exception" } } };
      // An ingest pipeline that refuses an empty document refuses all of them.
      if (body.includes('"upsert":{}')) return { items: entries.map(() => refusal) };
      return {
        items: entries.map(({ entry, id }) => {
          if (answers[id] === undefined) return { [actionOf(entry)]: { _id: id, status: 201, result: "created" } };
          const [status, type] = answers[refused.shift()?.id ?? ""] ?? [];
          return { index: { _id: null, status, error: { type } } };
        }),
      };
    });
    const batch = batchOf(6).map(({ message, change }) => ({
      change: streamChange({ keyNames: ["pk"], before: change.keys, after: change.keys, position: 2 }),
      message,
      earlier: [],
    }));
    expect(await writeTo(client, batch)).toEqual([
      "delivered",
      "SINK_THROTTLED",
      "SINK_REJECTED",
      "delivered",
      "SINK_REJECTED",
      "delivered",
    ]);
    expect(bodies.length).toBeLessThanOrEqual(12);
  });

  test("end with the first response that says that the target is unusable", async () => {
    const { client, bodies } = scripted(() => responseError(403, "security_exception"));
    const outcomes = await writeTo(client, batchOf(30), { maxEntries: 5, concurrency: 1 });
    expect(new Set(outcomes)).toEqual(new Set(["SINK_DENIED"]));
    expect(bodies).toHaveLength(1);
  });

  test("do not start after the signal has aborted", async () => {
    const invocation = new AbortController();
    const { client, bodies } = scripted((body) => {
      invocation.abort();
      return taken(body);
    });
    const context = { signal: invocation.signal, remainingMs: () => 5_000 };
    const outcomes = await writeTo(client, batchOf(4), { maxEntries: 2, concurrency: 1 }, context);
    expect(outcomes).toEqual(["SINK_TIMEOUT", "SINK_TIMEOUT", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
    expect(bodies).toHaveLength(1);
  });

  const versioned = (position: number): UpsertDelivery<object> => ({
    change: streamChange({ keyNames: ["pk"], before: { pk: "a" }, after: { pk: "a" }, position }),
    message: { position },
    earlier: [],
  });
  const writeOne = async (sink: OpensearchSink, position: number): Promise<string | undefined> => {
    const [result] = await sink.write([versioned(position)], { signal: never, remainingMs: () => 5_000 });
    return result?.outcome;
  };

  test("replace a document by its sequence number, but use the script after another writer has changed it", async () => {
    const { client, bodies } = scripted((body, request) => {
      const action = body.startsWith('{"index') ? "index" : "update";
      const [_seq_no, _primary_term] = [request, 3];
      if (request === 3) return { items: [{ index: { status: 409 } }] };
      return {
        items: [{ [action]: { status: 200, result: request === 4 ? "noop" : "updated", _seq_no, _primary_term } }],
      };
    });
    const sink = opensearchSink({ client, index: "orders" });
    const outcomes: unknown[] = [];
    for (const position of [1, 2, 3, 4]) outcomes.push(await writeOne(sink, position));
    expect(outcomes).toEqual(["delivered", "delivered", "superseded", "delivered"]);
    expect(bodies.map((body) => body.split("\n", 1)[0])).toEqual([
      '{"update":{"_id":"a","retry_on_conflict":5}}',
      '{"index":{"_id":"a","if_seq_no":1,"if_primary_term":3}}',
      '{"index":{"_id":"a","if_seq_no":2,"if_primary_term":3}}',
      '{"update":{"_id":"a","retry_on_conflict":5}}',
      '{"update":{"_id":"a","retry_on_conflict":5}}',
    ]);
  });

  test("have no condition on a sequence number on Serverless, or if a response has no sequence number", async () => {
    for (const [options, sequenceNumber] of [
      [{ serverless: true }, { _seq_no: 1, _primary_term: 1 }],
      [{}, {}],
    ]) {
      const { client, bodies } = scripted(() => ({
        items: [{ update: { status: 200, result: "updated", ...sequenceNumber } }],
      }));
      const sink = opensearchSink({ client, index: "orders", ...options });
      for (const position of [1, 2]) expect(await writeOne(sink, position)).toBe("delivered");
      expect(bodies.map((body) => actionOf(body))).toEqual(["update", "update"]);
    }
  });

  test.each([
    ["has the version", { status: 200, result: "noop" }, "superseded", 2],
    ["has an older version", { status: 200, result: "updated" }, "delivered", 3],
    ["is missing", { status: 404, error: { type: "document_missing_exception" } }, "delivered", 3],
    ["was written at the same time", { status: 409 }, "delivered", 3],
    ["cannot be read", { status: 429, error: { type: "rejected_execution_exception" } }, "SINK_THROTTLED", 2],
  ])("for a redelivered batch only compare versions: the document %s", async (_, item, outcome, requests) => {
    const { client, bodies } = scripted((body, request) =>
      request === 2 ? { items: [{ update: item }] } : taken(body),
    );
    const sink = opensearchSink({ client, index: "orders" });
    const context = { signal: never, remainingMs: () => 5_000 };
    await sink.write(batchOf(1), context);
    expect((await sink.write(batchOf(1), context)).map(outcomeOf)).toEqual([outcome]);
    expect(bodies).toHaveLength(requests);
    expect(bodies[1]).not.toContain("retry_on_conflict");
    if (requests === 3) expect(bodies[2]).toContain("retry_on_conflict");
  });
});
