// The guard when several writers share an index: tombstones of the same version, removals that are only a precaution,
// and indices that change while an environment is running.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { decodeRecord, type UpsertDelivery } from "@sluice/core/sink-kit";
import { streamChange, streamRecord } from "@sluice/testing";
import { type OpensearchSink, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { aliveFilter, guardMapping } from "../src/write/guard.ts";
import { type Api, apiOf, hitsOf, newIndex, withoutGuard } from "./support/api.ts";
import { deliveryOf, outcomesOf } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const put = (pk: string, position: number, rest: object = {}): UpsertDelivery<object> =>
  deliveryOf(streamChange({ keyNames: ["pk"], before: { pk }, after: { pk, position, ...rest }, position }));
const insert = (pk: string, position: number): UpsertDelivery<object> =>
  deliveryOf(streamChange({ keyNames: ["pk"], after: { pk, position }, position }));
/** The removal of an item that leaves a filter: a change after which the item exists, without a message. */
const leave = ({ change }: UpsertDelivery<object>): UpsertDelivery<object> => ({
  change,
  message: undefined,
  earlier: [],
});
const precaution = (delivery: UpsertDelivery<object>): UpsertDelivery<object> => ({
  ...leave(delivery),
  onlyIfPresent: true,
});
const redriven = (pk: string, position: number): UpsertDelivery<object> => {
  const record = streamRecord({ keyNames: ["pk"], before: { pk }, after: { pk, position }, position });
  return deliveryOf(decodeRecord(record, "redrive"), { pk, position });
};

const one = async (sink: OpensearchSink, delivery: UpsertDelivery<object>): Promise<string | undefined> =>
  (await outcomesOf(sink, [delivery]))[0];

const predicted = async (sink: OpensearchSink, delivery: UpsertDelivery<object>): Promise<string | undefined> =>
  (await outcomesOf({ write: async (...call) => (await sink.dryRun?.(...call)) ?? [] }, [delivery]))[0];

/** Declares that an item's document has this position, or that it has no visible document. */
const expectHeld = async (api: Api, index: string, position: number | undefined): Promise<void> => {
  const found = (await hitsOf(api, index)).map(({ _source }) => withoutGuard(_source).position);
  expect(found).toEqual(position === undefined ? [] : [position]);
};

await describeWithEachServer("the guard", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(() => {
    client = new Client({ node: url });
  });

  afterAll(() => client.close());

  const sinkFor = (index: string, options: Partial<OpensearchSinkOptions> = {}): OpensearchSink =>
    opensearchSink({ client, index, settings: testSettings, ...options });

  const open = async (): Promise<{ index: string; sinks: readonly [OpensearchSink, OpensearchSink] }> => {
    const index = newIndex();
    await sinkFor(index).ensure();
    return { index, sinks: [sinkFor(index), sinkFor(index)] };
  };

  // `before` decides what the first sink remembers, and so which action it tries first.
  const memories: readonly (readonly [name: string, before: readonly number[]])[] = [
    ["remembers nothing", []],
    ["remembers its own last write", [1]],
  ];
  for (const [name, before] of memories) {
    for (const kind of ["same", "other"] as const) {
      test(`a message replaces a tombstone of its version by the ${kind} sink, which ${name}`, async () => {
        const { index, sinks } = await open();
        const [first] = sinks;
        const second = kind === "same" ? sinks[0] : sinks[1];
        for (const position of before) expect(await one(second, put("a", position))).toBe("delivered");
        const change = put("a", 5);
        expect(await one(first, leave(change))).toBe("delivered");
        expect(await predicted(second, change)).toBe("delivered");
        expect(await predicted(second, leave(change))).toBe("superseded");
        expect(await one(second, change)).toBe("delivered");
        await expectHeld(api, index, 5);
        for (const sink of sinks) {
          expect(await predicted(sink, leave(change))).toBe("superseded");
          expect(await one(sink, leave(change))).toBe("superseded");
          expect(await one(sink, change)).toBe("superseded");
        }
        await expectHeld(api, index, 5);
        expect(await one(first, put("a", 4))).toBe("superseded");
        expect(await one(first, leave(put("a", 6)))).toBe("delivered");
        await expectHeld(api, index, undefined);
        expect(await one(second, change)).toBe("superseded");
      });
    }
  }

  test("an insert and a redriven message replace a tombstone of their version", async () => {
    const { index, sinks } = await open();
    for (const deliver of [insert("a", 3), redriven("b", 3)]) {
      expect(await one(sinks[0], leave(deliver))).toBe("delivered");
      for (const sink of sinks) {
        expect(await one(sink, deliver)).toBe(sink === sinks[0] ? "delivered" : "superseded");
      }
    }
    expect(await hitsOf(api, index)).toHaveLength(2);
  });

  test("a sink that remembers a superseded removal still delivers a message of the version", async () => {
    const { index, sinks } = await open();
    const change = put("a", 5);
    expect(await one(sinks[1], leave(change))).toBe("delivered");
    // The first sink learns only that the document is as new as the removal, not that it is a tombstone.
    expect(await one(sinks[0], leave(change))).toBe("superseded");
    expect(await one(sinks[0], change)).toBe("delivered");
    await expectHeld(api, index, 5);
  });

  test("a precaution writes nothing if the index holds nothing, and otherwise acts as any removal", async () => {
    const { index, sinks } = await open();
    const [sink, other] = sinks;
    for (const delivery of [put("a", 2), insert("b", 2), redriven("c", 2)]) {
      expect(await predicted(sink, precaution(delivery))).toBe("superseded");
      expect(await one(sink, precaution(delivery))).toBe("superseded");
      expect(await one(sink, precaution(delivery))).toBe("superseded");
    }
    expect(await hitsOf(api, `${index}-000001`)).toEqual([]);
    expect(await one(sink, put("a", 1))).toBe("delivered");
    expect(await predicted(other, precaution(put("a", 2)))).toBe("delivered");
    expect(await one(other, precaution(put("a", 2)))).toBe("delivered");
    expect(await one(sink, put("a", 1))).toBe("superseded");
    expect(await one(sink, precaution(put("a", 3)))).toBe("delivered");
    expect(await one(other, put("a", 2))).toBe("superseded");
    expect(await one(sink, put("a", 9))).toBe("delivered");
    expect(await one(sink, precaution(put("a", 8)))).toBe("superseded");
    await expectHeld(api, index, 9);
  });

  test("a precaution does not hide that the alias is missing", async () => {
    expect(await one(sinkFor(newIndex()), precaution(put("a", 1)))).toBe("SINK_MISSING");
  });

  test("a precaution after the index was made anew writes nothing", async () => {
    const { index, sinks } = await open();
    const [sink] = sinks;
    expect(await one(sink, put("a", 5))).toBe("delivered");
    await api("DELETE", `/${index}-000001`);
    await sinkFor(index).ensure();
    for (const position of [4, 5, 6]) expect(await one(sink, precaution(put("a", position)))).toBe("superseded");
    expect(await hitsOf(api, `${index}-000001`)).toEqual([]);
  });

  test("a warm sink follows an alias that moves to another index, with another mapping", async () => {
    const { index, sinks } = await open();
    const [sink] = sinks;
    expect(await outcomesOf(sink, [put("a", 5), put("b", 5)])).toEqual(["delivered", "delivered"]);
    expect(await one(sink, leave(put("b", 6)))).toBe("delivered");
    const mappings = { dynamic: "strict", properties: { pk: { type: "keyword" }, _sluice: guardMapping } };
    await api("PUT", `/${index}-000002`, { settings: testSettings, mappings });
    const actions = [
      { remove: { index: `${index}-000001`, alias: index } },
      { add: { index: `${index}-000002`, alias: index, is_write_index: true, filter: aliveFilter } },
    ];
    expect((await api("POST", "/_aliases", { actions })).status).toBe(200);
    // The new mapping knows no field of any document, so its migration is missing: nothing is dead-lettered.
    expect(await outcomesOf(sink, [put("a", 7), put("c", 7)])).toEqual(["SINK_MISSING", "SINK_MISSING"]);
    const widened = { properties: { position: { type: "long" } } };
    expect((await api("PUT", `/${index}-000002/_mapping`, widened)).status).toBe(200);
    // Memory says that the index has these versions. The index does not, so the changes are written.
    expect(await outcomesOf(sink, [put("a", 5), leave(put("b", 6))])).toEqual(["delivered", "delivered"]);
    await expectHeld(api, index, 5);
    expect(await outcomesOf(sink, [put("a", 7), put("b", 5)])).toEqual(["delivered", "superseded"]);
    await expectHeld(api, index, 7);
  });

  test("a strict mapping rejects only the document with an unknown field, if the mapping takes the others", async () => {
    const index = newIndex();
    const mappings = { dynamic: "strict", properties: { pk: { type: "keyword" }, position: { type: "long" } } };
    const sink = sinkFor(index, { mappings });
    await sink.ensure();
    for (const make of [put, insert]) {
      const batch = ["a", "b", "c"].map((pk) => make(pk, make === put ? 2 : 1));
      const odd = put("odd", 2, { surprise: 1 });
      expect(await outcomesOf(sink, [...batch.slice(0, 1), odd, ...batch.slice(1)])).toEqual([
        make === put ? "delivered" : "superseded",
        make === put ? "SINK_REJECTED" : "SINK_MISSING",
        ...Array(2).fill(make === put ? "delivered" : "superseded"),
      ]);
    }
    expect(await one(sink, put("lone", 2, { surprise: 1 }))).toBe("SINK_MISSING");
  });

  test("purge deletes every old tombstone while a writer makes items anew", async () => {
    const { index, sinks } = await open();
    const path = `/${index}-000001`;
    const count = 25_000;
    await api("PUT", `${path}/_settings`, { "index.refresh_interval": "-1" });
    const old = { _sluice: { version: "1", deleted: true, deletedAt: Date.now() - 31 * 86_400_000 } };
    for (let start = 0; start < count; start += 5_000) {
      const lines = Array.from(
        { length: 5_000 },
        (_, at) => `{"index":{"_id":"t-${start + at}"}}\n${JSON.stringify(old)}\n`,
      );
      expect((await api("POST", `${path}/_bulk`, lines.join(""))).status).toBe(200);
    }
    await api("POST", `${path}/_refresh`);
    // Without a refresh, searches still find these items as tombstones. So the first chunk has conflicts.
    const anew = Array.from({ length: 500 }, (_, at) => put(`t-${at}`, 2));
    expect(new Set(await outcomesOf(sinks[0], anew))).toEqual(new Set(["delivered"]));
    let isPurging = true;
    const writing = (async (): Promise<number> => {
      let written = 0;
      for (let at = count - 1; isPurging && at > 20_000; at -= 100) {
        const batch = Array.from({ length: 50 }, (_, offset) => put(`t-${at - offset}`, 2));
        await outcomesOf(sinks[1], batch);
        written += batch.length;
      }
      return written;
    })();
    const deleted = await sinks[0].purge();
    isPurging = false;
    const written = await writing;
    await api("POST", `${path}/_refresh`);
    const live = (await api("GET", `/${index}/_count`)).body.count;
    expect(live).toBe(500 + written);
    const tombstones = (await api("POST", `${path}/_count`, { query: { term: { "_sluice.deleted": true } } })).body;
    expect(tombstones.count).toBe(0);
    expect(deleted).toBeGreaterThan(10_000);
  });
});
