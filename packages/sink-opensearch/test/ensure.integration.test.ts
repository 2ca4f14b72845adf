import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { streamChange } from "@sluice/testing";
import {
  type OpensearchMappings,
  type OpensearchSink,
  type OpensearchSinkOptions,
  opensearchSink,
} from "../src/index.ts";
import { apiOf, hitsOf, newIndex } from "./support/api.ts";
import { deliveryOf, outcomesOf } from "./support/outcomes.ts";
import { startFaultProxy } from "./support/proxy.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const mappings = { properties: { title: { type: "text" }, sizes: { properties: { width: { type: "long" } } } } };
const dayMs = 86_400_000;

await describeWithEachServer("ensure and purge", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(() => {
    client = new Client({ node: url });
  });

  afterAll(() => client.close());

  const sinkFor = (index: string, options: Partial<OpensearchSinkOptions> = {}): OpensearchSink =>
    opensearchSink({ client, index, mappings, settings: testSettings, ...options });

  const stateOf = async (index: string): Promise<string> => {
    const { body } = await api("GET", `/${index}-000001`);
    const { aliases, mappings: found } = body[`${index}-000001`] as { aliases: unknown; mappings: unknown };
    return JSON.stringify({ aliases, mappings: found });
  };

  test("creates index, mapping and filtered alias, and reports no change the second time", async () => {
    const index = newIndex();
    const requests = await sinkFor(index).ensure();
    expect(requests).toEqual([expect.stringMatching(`^PUT /${index}-000001 \\{.*"aliases"`)]);
    expect(await sinkFor(index).ensure()).toEqual([]);
    const state = await stateOf(index);
    expect(state).toContain('"is_write_index":true');
    expect(state).toContain('"must_not"');
    expect(state).toContain('"title":{"type":"text"}');
  });

  test("with apply: false returns the requests without sending them", async () => {
    const index = newIndex();
    expect(await sinkFor(index).ensure({ apply: false })).toHaveLength(1);
    expect((await api("GET", `/${index}-000001`)).status).toBe(404);
  });

  test("may be called several times at once", async () => {
    const index = newIndex();
    await Promise.all(Array.from({ length: 4 }, () => sinkFor(index).ensure()));
    expect(await sinkFor(index).ensure()).toEqual([]);
  });

  test("adds new fields, even inside other fields, and does not change existing fields", async () => {
    const index = newIndex();
    await sinkFor(index).ensure();
    const sizes = { properties: { width: { type: "long" }, height: { type: "long" } } };
    const more = { properties: { ...mappings.properties, sizes, tag: { type: "keyword" } } };
    expect(await sinkFor(index, { mappings: more }).ensure()).toEqual([
      `PUT /${index}-000001/_mapping {"properties":{"sizes":{"properties":{"height":{"type":"long"}}},"tag":{"type":"keyword"}}}`,
    ]);
    expect(await sinkFor(index, { mappings: more }).ensure()).toEqual([]);
  });

  test("adds a further way to index a field, and keeps the existing ways", async () => {
    const index = newIndex();
    const titled = (fields: OpensearchMappings["properties"] & object) => ({
      properties: { title: { type: "text", analyzer: "german", fields } },
    });
    const exact = { exact: { type: "keyword", ignore_above: 256 } };
    const more = { ...exact, english: { type: "text", analyzer: "english" } };
    await sinkFor(index, { mappings: titled(exact) }).ensure();
    expect(await sinkFor(index, { mappings: titled(more) }).ensure()).toEqual([
      expect.stringMatching(`^PUT /${index}-000001/_mapping .*"english"`),
    ]);
    expect(await sinkFor(index, { mappings: titled(more) }).ensure()).toEqual([]);
    for (const way of ["exact", "english"]) expect(await stateOf(index)).toContain(`"${way}":{"type":`);
  });

  test.each([
    ["a mapping", { mappings: { properties: { title: { type: "nonsense" } } } }, /"mappings".*No handler.*nonsense/],
    ["a setting", { settings: { number_of_shards: "many" } }, /"settings".*number_of_shards/],
    ["an unknown setting", { settings: { numberOfShards: 1 } }, /"settings".*numberOfShards/],
  ])(
    "includes the server's reason for refusing %s, because a request without documents quotes no values",
    async (_, options, reason) => {
      await expect(sinkFor(newIndex(), options).ensure()).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringMatching(reason),
      });
    },
  );

  test("includes the server's reason for refusing a new field", async () => {
    const index = newIndex();
    await sinkFor(index).ensure();
    await expect(
      sinkFor(index, { mappings: { properties: { tag: { type: "nonsense" } } } }).ensure(),
    ).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/option "mappings".*nonsense/),
    });
  });

  test("ensure, write and purge accept an alias with any letters", async () => {
    const sink = sinkFor(`${newIndex()}-%41-ü€`);
    expect(await sink.ensure()).toHaveLength(1);
    expect(await sink.ensure()).toEqual([]);
    const insert = deliveryOf(streamChange({ keyNames: ["pk"], after: { pk: "a" } }));
    expect(await outcomesOf(sink, [insert])).toEqual(["delivered"]);
    expect(await sink.purge()).toBe(0);
  });

  test("refuses an existing field of another type, and names the field", async () => {
    const index = newIndex();
    await sinkFor(index).ensure();
    const other = { properties: { sizes: { properties: { width: { type: "keyword" } } } } };
    await expect(sinkFor(index, { mappings: other }).ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('declares field "sizes.width" as keyword; in the index it is long'),
    });
  });

  test("adds the missing alias of an index, and the missing filter of an alias", async () => {
    const [bare, unfiltered] = [newIndex(), newIndex()];
    await api("PUT", `/${bare}-000001`, { settings: testSettings });
    await api("PUT", `/${unfiltered}-000001`, { settings: testSettings, aliases: { [unfiltered]: {} } });
    for (const index of [bare, unfiltered]) {
      const requests = await sinkFor(index).ensure();
      expect(requests.map((request) => request.split(" ", 2).join(" "))).toEqual([
        `PUT /${index}-000001/_mapping`,
        "POST /_aliases",
      ]);
      expect(await sinkFor(index).ensure()).toEqual([]);
    }
  });

  test("does not move back an alias that points to a later index", async () => {
    const index = newIndex();
    await api("PUT", `/${index}-000001`, { settings: testSettings });
    await api("PUT", `/${index}-000002`, { settings: testSettings, aliases: { [index]: {} } });
    await sinkFor(index).ensure();
    expect(await stateOf(index)).toContain('"aliases":{}');
  });

  test.each([
    ["an index with the name of the alias", (index: string) => api("PUT", `/${index}`, {})],
    [
      "an alias that points to another index",
      (index: string) => api("PUT", `/other-${index}`, { aliases: { [index]: {} } }),
    ],
    [
      "an alias of two indices without a write index",
      async (index: string) => {
        for (const number of [1, 2]) await api("PUT", `/${index}-00000${number}`, { aliases: { [index]: {} } });
      },
    ],
    [
      "an alias that forbids writes",
      (index: string) => api("PUT", `/${index}-000001`, { aliases: { [index]: { is_write_index: false } } }),
    ],
  ])("refuses %s", async (_name, make) => {
    const index = newIndex();
    await make(index);
    await expect(sinkFor(index).ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('option "index"'),
    });
  });

  test("detects with a test write that a Serverless collection refuses ids and scripts", async () => {
    const [index, proxy] = [newIndex(), await startFaultProxy(url)];
    const sink = opensearchSink({ node: proxy.url, index, mappings, serverless: true });
    await sink.ensure();
    expect(await hitsOf(api, index)).toEqual([]);
    const reason = "Document ID is not supported in create/index operation request";
    const error = { type: "illegal_argument_exception", reason };
    proxy.answerWith(() => ({ status: 200, body: JSON.stringify({ errors: true, items: [{ update: { error } }] }) }));
    await expect(sink.ensure()).rejects.toThrow("must be in a collection of type search");
    proxy.answerWith(() => ({ status: 400, body: JSON.stringify({ error }) }));
    await expect(sink.ensure()).rejects.toThrow("must be in a collection of type search");
    proxy.fail({ kind: "deny" });
    proxy.answerWith(() => undefined);
    await expect(sink.ensure()).rejects.toMatchObject({ code: "SINK_DENIED" });
    await sink.close();
    await proxy.close();
  });

  test("refuses a Serverless collection that does not keep the changes it accepted", async () => {
    const [index, proxy] = [newIndex(), await startFaultProxy(url)];
    const sink = opensearchSink({ node: proxy.url, index, mappings, serverless: true });
    await sinkFor(index).ensure();
    const add = { index: `${index}-000001`, alias: index };
    await api("POST", "/_aliases", { actions: [{ add }] });
    proxy.answerTo("/_aliases", { status: 200, body: '{"acknowledged":true}' });
    await expect(sink.ensure()).rejects.toThrow(/option "index".*accepted POST \/_aliases, but did not keep/);
    await sink.close();
    await proxy.close();
  });

  test("with a missing alias a write fails with SINK_MISSING, and creates no index", async () => {
    const index = newIndex();
    const sink = sinkFor(index);
    const insert = deliveryOf(streamChange({ keyNames: ["pk"], after: { pk: "a" } }));
    expect(await outcomesOf(sink, [insert])).toEqual(["SINK_MISSING"]);
    expect((await api("GET", `/${index}`)).status).toBe(404);
    await sink.ensure();
    expect(await outcomesOf(sink, [insert])).toEqual(["delivered"]);
  });

  test("purge deletes only tombstones that are old enough", async () => {
    const index = newIndex();
    const sink = sinkFor(index);
    await sink.ensure();
    const [live, fresh] = ["live", "new"].map((pk) => streamChange({ keyNames: ["pk"], after: { pk } }));
    const removal = streamChange({ keyNames: ["pk"], before: { pk: "new" }, position: 9 });
    await outcomesOf(
      sink,
      [live, fresh].flatMap((change) => (change ? [deliveryOf(change)] : [])),
    );
    await outcomesOf(sink, [deliveryOf(removal)]);
    for (const [id, days] of [
      ["old", 31],
      ["younger", 29],
    ] as const) {
      const _sluice = { version: "1", deleted: true, deletedAt: Date.now() - days * dayMs };
      await api("PUT", `/${index}-000001/_doc/${id}?refresh=true`, { _sluice });
    }
    expect(await sink.purge()).toBe(1);
    expect(await sink.purge()).toBe(0);
    const ids = (await hitsOf(api, `${index}-000001`)).map(({ _id }) => _id).sort();
    expect(ids).toEqual(["live", "new", "younger"]);
    expect(await sink.purge({ olderThanDays: 29 })).toBe(1);
  });

  test("purge refuses an age of fewer days than a redrive can take, and a Serverless collection", async () => {
    const sink = sinkFor(newIndex());
    await expect(sink.purge({ olderThanDays: 28 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    const serverless = opensearchSink({ client, index: newIndex(), serverless: true });
    await expect(serverless.purge()).rejects.toThrow("Serverless");
  });

  test("purge of a missing alias rejects with SINK_MISSING", async () => {
    await expect(sinkFor(newIndex()).purge()).rejects.toMatchObject({ code: "SINK_MISSING" });
  });
});
