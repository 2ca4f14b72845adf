import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { pipeline } from "@sluice/core";
import { decodeRecord, type Image, type Origin } from "@sluice/core/sink-kit";
import { engineOrSkip, startOpensearch } from "@sluice/local";
import { lambdaContext, streamChange, streamEvent, streamRecord } from "@sluice/testing";
import {
  type OpensearchMappings,
  type OpensearchSink,
  type OpensearchSinkOptions,
  opensearchSink,
} from "../src/index.ts";
import { apiOf, hitsOf, newIndex, withoutGuard } from "./support/api.ts";
import { deliveryOf, outcomesOf } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const mappings: OpensearchMappings = {
  properties: {
    count: { type: "long" },
    price: { type: "double" },
    title: { type: "keyword" },
    any: { type: "object", enabled: false },
  },
};

/** A change whose record contains this image unchanged, so that the text of each number stays the same. */
const imageChange = (after: Image, origin: Origin) => {
  const record = streamRecord({ keyNames: ["pk"], after: { pk: "placeholder" } });
  const keys = { pk: after.pk } as Image;
  return decodeRecord({ ...record, dynamodb: { ...record.dynamodb, Keys: keys, NewImage: after } }, origin);
};

const insertOf = (pk: string, rest: object = {}, position = 1) =>
  streamChange({ keyNames: ["pk"], after: { pk, ...rest }, position });
const modifyOf = (pk: string, rest: object, position: number) =>
  streamChange({ keyNames: ["pk"], before: { pk }, after: { pk, ...rest }, position });
const removeOf = (pk: string, position: number) => streamChange({ keyNames: ["pk"], before: { pk }, position });

await describeWithEachServer("the sink", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(() => {
    client = new Client({ node: url });
  });

  afterAll(() => client.close());

  const open = async (
    options: Partial<OpensearchSinkOptions> = {},
  ): Promise<{ sink: OpensearchSink; index: string }> => {
    const index = newIndex();
    const sink = opensearchSink({ client, index, mappings, settings: testSettings, ...options });
    await sink.ensure();
    return { sink, index };
  };

  const documentsOf = async (index: string, query?: object): Promise<readonly Record<string, unknown>[]> =>
    (await hitsOf(api, index, query)).map(({ _source }) => withoutGuard(_source));

  test("writes the whole item if the route has no mapper", async () => {
    const { sink, index } = await open();
    const handler = pipeline("items", { onReject: "block", logger: { info: () => undefined, warn: () => undefined } })
      .to(sink)
      .handler();
    const item = { pk: "a", title: "T", any: { tags: new Set(["y", "x"]), bytes: new Uint8Array([1, 2]) } };
    const response = await handler(streamEvent([streamRecord({ keyNames: ["pk"], after: item })]), lambdaContext());
    expect(response).toEqual({ batchItemFailures: [] });
    expect(await documentsOf(index)).toEqual([{ pk: "a", title: "T", any: { tags: ["x", "y"], bytes: "AQI=" } }]);
  });

  test("replaces the whole document: a removed attribute is removed", async () => {
    const { sink, index } = await open();
    await outcomesOf(sink, [deliveryOf(insertOf("a", { title: "T", count: 1 }))]);
    await outcomesOf(sink, [deliveryOf(modifyOf("a", { count: 2 }, 2))]);
    expect(await documentsOf(index)).toEqual([{ pk: "a", count: 2 }]);
  });

  test("writes the same document with both actions, with every digit of its numbers", async () => {
    const { sink, index } = await open();
    const numbers = ["0.1", "1E21", "1E-7", "123456789.125", "9007199254740993", "-0.00012", "100000000000000000000"];
    const digits = ["12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678", "1.5E100"];
    const any = { M: { list: { L: [...numbers, ...digits].map((N) => ({ N })) }, set: { NS: ["10", "2"] } } };
    const price = { N: digits[1] ?? "" };
    const created = imageChange({ pk: { S: "created" }, count: { N: "9007199254740993" }, price, any }, "stream");
    const scripted = imageChange({ pk: { S: "scripted" }, count: { N: "9007199254740993" }, price, any }, "redrive");
    await outcomesOf(sink, [deliveryOf(created), deliveryOf(scripted)]);
    const found = await documentsOf(index);
    const [one, other] = ["created", "scripted"].map((pk) => found.find((document) => document.pk === pk));
    expect({ ...one, pk: "" }).toEqual({ ...other, pk: "" });
    expect(one).toMatchObject({ count: "9007199254740993", price: digits[1], any: { set: [10, 2] } });
    expect(one).toHaveProperty("any.list", [
      0.1,
      1e21,
      1e-7,
      123456789.125,
      "9007199254740993",
      -0.00012,
      1e20,
      digits[0],
      digits[1],
      1.5e100,
    ]);
  });

  test("dryRun compares versions, and refuses a message that is not a document", async () => {
    const { sink, index } = await open();
    const dryRun = (...deliveries: Parameters<typeof outcomesOf>[1]) =>
      outcomesOf({ write: async (...call) => (await sink.dryRun?.(...call)) ?? [] }, deliveries);
    const insert = deliveryOf(insertOf("a", { title: "T" }));
    expect(await dryRun(insert)).toEqual(["delivered"]);
    await outcomesOf(sink, [insert]);
    expect(await dryRun(insert, deliveryOf(modifyOf("a", {}, 2)))).toEqual(["superseded", "delivered"]);
    expect(await dryRun(deliveryOf(insertOf("b"), [] as object))).toEqual(["SINK_REJECTED"]);
    expect(await documentsOf(index)).toEqual([{ pk: "a", title: "T" }]);
  });

  test("finds numbers by range, no matter if they are written as numbers or as text", async () => {
    const { sink, index } = await open();
    const items = [
      { pk: "exact", count: 9_007_199_254_740_993n, price: 0.5 },
      { pk: "small", count: 7, price: 1.5 },
    ];
    await outcomesOf(
      sink,
      items.map(({ pk, ...rest }) => deliveryOf(insertOf(pk, rest))),
    );
    const found = async (range: object): Promise<unknown[]> =>
      (await documentsOf(index, { range })).map(({ pk }) => pk).sort();
    expect(await found({ count: { gte: "9007199254740993" } })).toEqual(["exact"]);
    expect(await found({ count: { gt: "9007199254740993" } })).toEqual([]);
    expect(await found({ count: { lt: 8 } })).toEqual(["small"]);
    expect(await found({ price: { gt: 1, lt: 2 } })).toEqual(["small"]);
  });

  test("detects later writes of another environment, and a new index of the same name", async () => {
    const { sink: one, index } = await open();
    const other = opensearchSink({ client, index });
    const write = async (sink: OpensearchSink, position: number): Promise<unknown> =>
      (await outcomesOf(sink, [deliveryOf(modifyOf("a", { count: position }, position))]))[0];
    expect([await write(one, 1), await write(one, 2), await write(other, 5)]).toEqual(Array(3).fill("delivered"));
    expect([await write(one, 4), await write(one, 6), await write(other, 7)]).toEqual([
      "superseded",
      "delivered",
      "delivered",
    ]);
    expect(await outcomesOf(one, [deliveryOf(removeOf("a", 6))])).toEqual(["superseded"]);
    expect(await documentsOf(index)).toEqual([{ pk: "a", count: 7 }]);
    await api("DELETE", `/${index}-000001`);
    await opensearchSink({ client, index, mappings, settings: testSettings }).ensure();
    expect(await write(other, 8)).toBe("delivered");
    expect(await documentsOf(index)).toEqual([{ pk: "a", count: 8 }]);
    // Delivers the change again: while its document exists, after an older document replaced it, and after a deletion.
    expect(await write(other, 8)).toBe("superseded");
    for (const older of [3, undefined]) {
      await api("DELETE", `/${index}-000001`);
      const fresh = opensearchSink({ client, index, mappings, settings: testSettings });
      await fresh.ensure();
      if (older !== undefined) expect(await write(fresh, older)).toBe("delivered");
      expect(await write(other, 8)).toBe("delivered");
      expect(await documentsOf(index)).toEqual([{ pk: "a", count: 8 }]);
    }
  });

  test("hides tombstones from searches through the alias, but not documents that existed before the sink", async () => {
    const { sink, index } = await open();
    await api("PUT", `/${index}-000001/_doc/before`, { title: "from before" });
    await outcomesOf(sink, [deliveryOf(insertOf("a")), deliveryOf(removeOf("b", 1))]);
    expect((await hitsOf(api, index)).map(({ _id }) => _id).sort()).toEqual(["a", "before"]);
    expect((await api("GET", `/${index}/_count`)).body.count).toBe(2);
    expect(await outcomesOf(sink, [deliveryOf(insertOf("before", { title: "new" }))])).toEqual(["delivered"]);
    expect(await documentsOf(index, { term: { title: "new" } })).toEqual([{ pk: "before", title: "new" }]);
  });

  test("overwrites a document with a damaged guard", async () => {
    const { sink, index } = await open();
    await api("PUT", `/${index}-000001/_doc/a`, { _sluice: { deleted: false } });
    expect(await outcomesOf(sink, [deliveryOf(modifyOf("a", { count: 1 }, 1))])).toEqual(["delivered"]);
  });

  test("keeps a tombstone for longer than the server remembers real deletes", async () => {
    const { sink, index } = await open({ settings: { ...testSettings, gc_deletes: "1s" } });
    const [insert, removal] = [deliveryOf(insertOf("a", {}, 1)), deliveryOf(removeOf("a", 2))];
    expect(await outcomesOf(sink, [insert])).toEqual(["delivered"]);
    expect(await outcomesOf(sink, [removal])).toEqual(["delivered"]);
    const versioned = (method: string, version: number) =>
      api(
        method,
        `/${index}-000001/_doc/control?version=${version}&version_type=external`,
        method === "PUT" ? {} : undefined,
      );
    await versioned("PUT", 5);
    await versioned("DELETE", 6);
    expect((await versioned("PUT", 4)).status).toBe(409);
    let status = 409;
    while (status === 409) {
      await sleep(200);
      await api("POST", `/${index}-000001/_refresh`);
      status = (await versioned("PUT", 4)).status;
    }
    expect(status).toBe(201);
    expect(await outcomesOf(sink, [insert])).toEqual(["superseded"]);
    expect((await hitsOf(api, index)).map(({ _id }) => _id)).toEqual(["control"]);
  });

  test("rejects only the single bad document among 5,000", async () => {
    const { sink, index } = await open();
    const deliveries = Array.from({ length: 5_000 }, (_, at) =>
      deliveryOf(insertOf(`item-${at}`, { count: at === 3_210 ? "many" : at })),
    );
    const outcomes = await outcomesOf(sink, deliveries);
    expect(outcomes.flatMap((outcome, at) => (outcome === "delivered" ? [] : [`${at} ${outcome}`]))).toEqual([
      "3210 SINK_REJECTED",
    ]);
    await api("POST", `/${index}/_refresh`);
    expect((await api("GET", `/${index}/_count`)).body.count).toBe(4_999);
  });

  test("rejects only the document whose line makes the server refuse the whole request", async () => {
    const { sink, index } = await open();
    const deliveries = ["a", "b", "c", "d"].map((pk) => deliveryOf(modifyOf(pk, { title: pk }, 2)));
    const lone = deliveryOf(modifyOf("lone", {}, 2), { pk: "lone", any: { "half \ud800": 1 } });
    const outcomes = await outcomesOf(sink, [...deliveries.slice(0, 2), lone, ...deliveries.slice(2)]);
    expect(outcomes.filter((outcome) => outcome === "delivered").length).toBeGreaterThanOrEqual(4);
    expect(await documentsOf(index, { terms: { title: ["a", "b", "c", "d"] } })).toHaveLength(4);
  });

  test("reports a full disk as SINK_THROTTLED, not as a missing permission", async () => {
    const { sink, index } = await open();
    const block = (value: boolean | null) =>
      api("PUT", `/${index}-000001/_settings`, { "index.blocks.read_only_allow_delete": value });
    const deliveries = [deliveryOf(insertOf("a")), deliveryOf(modifyOf("b", {}, 2))];
    await block(true);
    expect(await outcomesOf(sink, deliveries)).toEqual(["SINK_THROTTLED", "SINK_THROTTLED"]);
    await block(null);
    expect(await outcomesOf(sink, deliveries)).toEqual(["delivered", "delivered"]);
  });

  test("fails with SINK_MISSING if the alias has no write index, or a strict mapping lacks the guard's field", async () => {
    const [two, strict] = [newIndex(), newIndex()];
    for (const number of [1, 2]) await api("PUT", `/${two}-00000${number}`, { aliases: { [two]: {} } });
    await api("PUT", `/${strict}-000001`, { mappings: { dynamic: "strict" }, aliases: { [strict]: {} } });
    for (const index of [two, strict]) {
      const deliveries = [deliveryOf(insertOf("a")), deliveryOf(modifyOf("b", {}, 2))];
      expect(await outcomesOf(opensearchSink({ client, index }), deliveries)).toEqual(["SINK_MISSING", "SINK_MISSING"]);
    }
  });

  test("accepts keys of any length and with any characters", async () => {
    const { sink, index } = await open({ mappings: {} });
    const keys = ["k".repeat(512), "k".repeat(513), "é".repeat(1_000), "a|b", "%"];
    const deliveries = keys.map((pk) => deliveryOf(insertOf(pk, {}), { length: pk.length }));
    expect(new Set(await outcomesOf(sink, deliveries))).toEqual(new Set(["delivered"]));
    expect(await outcomesOf(sink, [deliveryOf(removeOf("k".repeat(513), 2))])).toEqual(["delivered"]);
    expect(await documentsOf(index)).toHaveLength(4);
  });
});

const describeWithSmall = await engineOrSkip({ describe, test, afterAll }, () =>
  startOpensearch({ settings: { "http.max_content_length": "20kb" } }),
);

describeWithSmall("a server with a lower limit than the sink", ({ url }) => {
  test("gets smaller requests, and only a document beyond its limit fails", async () => {
    const sink = opensearchSink({ node: url, index: newIndex(), settings: testSettings });
    await sink.ensure();
    const deliveries = Array.from({ length: 40 }, (_, at) =>
      deliveryOf(insertOf(`item-${at}`), { text: "x".repeat(at === 7 ? 3_000_000 : 1_000) }),
    );
    const outcomes = await outcomesOf(sink, deliveries);
    await sink.close();
    expect(outcomes).toEqual(deliveries.map((_, at) => (at === 7 ? "SINK_TOO_LARGE" : "delivered")));
  });
});
