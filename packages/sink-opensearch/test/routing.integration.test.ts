// Documents with a routing: parents and children, and items whose routing changes.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { streamChange } from "@sluice/testing";
import { type OpensearchSink, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { apiOf, hitsOf, newIndex, withoutGuard } from "./support/api.ts";
import { deliveryOf, outcomesOf } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const settings = { ...testSettings, number_of_shards: 5 };

const change = (pk: string, [from, to]: readonly [string | undefined, string | undefined], position: number) =>
  streamChange({
    keyNames: ["pk"],
    ...(from !== undefined && { before: { pk, at: from, n: position - 1 } }),
    ...(to !== undefined && { after: { pk, at: to, n: position } }),
    position,
  });

await describeWithEachServer("routing", ({ url }) => {
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
    const sink = opensearchSink({ client, index, settings, routing: "at", ...options });
    await sink.ensure();
    return { sink, index };
  };

  const places = ["one", "two", "three", "four", "five", "six", "seven", "eight"];

  /** Each document as the search finds it, with its routing. */
  const found = async (index: string) =>
    (await hitsOf(api, index))
      .map((hit) => ({ ...withoutGuard(hit._source), routing: (hit as { _routing?: string })._routing }))
      .sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)));

  test("a document is on the shard of its routing, by an attribute or a function", async () => {
    const byFunction = ({ at }: { readonly [name: string]: unknown }) => (at === undefined ? undefined : `of-${at}`);
    for (const [routing, expected] of [
      ["at", "one"],
      [byFunction, "of-one"],
    ] as const) {
      const { sink, index } = await open({ routing });
      expect(await outcomesOf(sink, [deliveryOf(change("a", [undefined, "one"], 1))])).toEqual(["delivered"]);
      expect(await found(index)).toEqual([{ pk: "a", at: "one", n: 1, routing: expected }]);
    }
  });

  test("an item whose routing changes has one document, at its new place, and none after its removal", async () => {
    const { sink, index } = await open();
    let from: string | undefined;
    for (const [at, to] of [...places, ...places, "one"].entries()) {
      const changes = ["a", "b", "c"].map((pk) => deliveryOf(change(pk, [from, to], at + 1)));
      expect(await outcomesOf(sink, changes)).toEqual(Array(3).fill("delivered"));
      expect(await found(index)).toEqual(["a", "b", "c"].map((pk) => ({ pk, at: to, n: at + 1, routing: to })));
      from = to;
    }
    const removals = ["a", "b", "c"].map((pk) => deliveryOf(change(pk, [from, undefined], 99)));
    expect(await outcomesOf(sink, removals)).toEqual(Array(3).fill("delivered"));
    expect(await found(index)).toEqual([]);
  });

  test("changes in any order, by environments in turn, end with the document of the last change", async () => {
    for (const [index, order] of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 0, 3, 2],
      [2, 3, 0, 1, 1, 3],
    ].entries()) {
      const { sink, index: name } = await open();
      const other = opensearchSink({ client, index: name, settings, routing: "at" });
      const path = [undefined, ...places.slice(index, index + 4)];
      const changes = path.slice(1).map((to, at) => deliveryOf(change("a", [path[at], to], at + 1)));
      for (const [turn, at] of order.entries()) {
        const outcomes = await outcomesOf(turn % 2 === 0 ? sink : other, [changes[at] as (typeof changes)[0]]);
        expect(outcomes).not.toContain("none");
      }
      expect(await found(name)).toEqual([{ pk: "a", at: path[4], n: 4, routing: path[4] }]);
    }
  });

  test("a delivery that replaces earlier changes removes the documents at each former place", async () => {
    const { sink, index } = await open();
    await outcomesOf(sink, [deliveryOf(change("a", [undefined, "one"], 1))]);
    const earlier = [change("a", ["one", "two"], 2), change("a", ["two", "three"], 3)];
    const last = change("a", ["three", "four"], 4);
    await outcomesOf(sink, [{ ...deliveryOf(last), earlier }]);
    expect(await found(index)).toEqual([{ pk: "a", at: "four", n: 4, routing: "four" }]);
    for (const stale of [change("a", [undefined, "one"], 1), ...earlier]) await outcomesOf(sink, [deliveryOf(stale)]);
    expect(await found(index)).toEqual([{ pk: "a", at: "four", n: 4, routing: "four" }]);
  });

  test("a change that a filter no longer takes removes the document where it was", async () => {
    const { sink, index } = await open();
    await outcomesOf(sink, [deliveryOf(change("a", [undefined, "one"], 1))]);
    const unmatched = change("a", ["one", "two"], 2);
    expect(await outcomesOf(sink, [{ change: unmatched, message: undefined, earlier: [] }])).toEqual(["delivered"]);
    expect(await found(index)).toEqual([]);
  });

  test("a document that is refused leaves the copy at its former place", async () => {
    const { sink, index } = await open({ mappings: { properties: { n: { type: "long" } } } });
    const good = deliveryOf(change("other", [undefined, "one"], 1));
    await outcomesOf(sink, [deliveryOf(change("a", [undefined, "one"], 1)), good]);
    const bad = deliveryOf(change("a", ["one", "two"], 2), { pk: "a", n: "many" });
    expect(await outcomesOf(sink, [bad])).toEqual(["SINK_REJECTED"]);
    expect((await found(index)).filter(({ routing }) => routing === "two")).toEqual([]);
    expect(await found(index)).toHaveLength(2);
  });

  test("dryRun finds the version at the routing", async () => {
    const { sink } = await open();
    const [first, second] = [change("a", [undefined, "one"], 1), change("a", ["one", "two"], 2)].map((one) =>
      deliveryOf(one),
    ) as [ReturnType<typeof deliveryOf>, ReturnType<typeof deliveryOf>];
    await outcomesOf(sink, [first]);
    const dry = { write: async (...call: Parameters<OpensearchSink["write"]>) => (await sink.dryRun?.(...call)) ?? [] };
    expect(await outcomesOf(dry, [first, second])).toEqual(["superseded", "delivered"]);
  });

  test("a routing that is no text rejects only its delivery, and names no value", async () => {
    const { sink } = await open();
    const bad = streamChange({ keyNames: ["pk"], after: { pk: "bad", at: ["secret"] } });
    expect(await outcomesOf(sink, [deliveryOf(bad), deliveryOf(change("a", [undefined, "one"], 1))])).toEqual([
      "SINK_REJECTED",
      "delivered",
    ]);
  });

  test("joins parents and children, also when a child moves to another parent", async () => {
    const { sink, index } = await open({
      routing: "customer",
      mappings: {
        _routing: { required: true },
        properties: { kind: { type: "join", relations: { customer: "order" } }, total: { type: "long" } },
      },
    });
    const customer = (id: string) =>
      deliveryOf(streamChange({ keyNames: ["pk"], after: { pk: id, customer: id } }), { pk: id, kind: "customer" });
    const order = (pk: string, [from, to]: readonly [string | undefined, string | undefined], position: number) => {
      const moved = streamChange({
        keyNames: ["pk"],
        ...(from !== undefined && { before: { pk, customer: from } }),
        ...(to !== undefined && { after: { pk, customer: to } }),
        position,
      });
      const message = to === undefined ? undefined : { pk, total: position, kind: { name: "order", parent: to } };
      return { change: moved, message, earlier: [] };
    };
    const buyers = async (): Promise<readonly string[]> => {
      const query = { has_child: { type: "order", query: { match_all: {} } } };
      return (await hitsOf(api, index, query)).map(({ _id }) => _id).sort();
    };
    const customers = Array.from({ length: 12 }, (_, at) => `customer-${at}`);
    await outcomesOf(sink, customers.map(customer));
    const orders = customers.map((id, at) => order(`order-${at}`, [undefined, id], 1));
    expect(new Set(await outcomesOf(sink, orders))).toEqual(new Set(["delivered"]));
    expect(await buyers()).toEqual([...customers].sort());
    // Every order moves to the next customer, and those of the last six customers are removed.
    const moves = customers.map((id, at) => order(`order-${at}`, [id, customers[(at + 1) % 12]], 2));
    await outcomesOf(sink, moves);
    expect(await buyers()).toEqual([...customers].sort());
    expect(await hitsOf(api, index, { exists: { field: "total" } })).toHaveLength(12);
    const removals = customers.slice(0, 6).map((_, at) => order(`order-${at}`, [customers[at + 1], undefined], 3));
    await outcomesOf(sink, removals);
    expect(await buyers()).toEqual([customers[0], ...customers.slice(7)].sort());
  });
});
