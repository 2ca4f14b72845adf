// Indices that the sink cannot use: `ensure` refuses each, and so does the first write if `ensure` was not called.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { streamChange } from "@sluice/testing";
import { type OpensearchField, type OpensearchSink, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { aliveFilter, guardMapping } from "../src/write/guard.ts";
import { type Api, apiOf, hitsOf, newIndex } from "./support/api.ts";
import { deliveryOf, newContext } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const insert = deliveryOf(streamChange({ keyNames: ["pk"], after: { pk: "a" } }));

const alias = { filter: aliveFilter, is_write_index: true };
const guarded = (properties: object = {}, rest: object = {}) => ({
  ...rest,
  properties: { _sluice: guardMapping, ...properties },
});

interface Refusal {
  readonly make: (api: Api, index: string) => Promise<unknown>;
  readonly says: RegExp;
  readonly options?: Partial<OpensearchSinkOptions>;
}

/** Creates the index and the alias as `ensure` would, apart from the given parts. */
const made = (
  api: Api,
  index: string,
  { mappings = guarded(), settings = {}, own = alias }: { mappings?: object; settings?: object; own?: object } = {},
) =>
  api("PUT", `/${index}-000001`, { mappings, settings: { ...testSettings, ...settings }, aliases: { [index]: own } });

const declared = (title: object, rest: object = {}): Partial<OpensearchSinkOptions> => ({
  mappings: { ...rest, properties: { title: title as { type: string } } },
});

const refusals: Readonly<Record<string, Refusal>> = {
  "an alias of two indices": {
    make: async (api, index) => {
      await made(api, index);
      await api("PUT", `/${index}-000002`, { aliases: { [index]: { ...alias, is_write_index: false } } });
    },
    says: /leads to 2 indices, so an item could be found twice.*take the others out of the alias/,
  },
  "an alias with a filter of its own": {
    make: (api, index) => made(api, index, { own: { filter: { term: { shop: "de" } } } }),
    says: /another filter: remove the filter/,
  },
  "an alias with a routing": {
    make: (api, index) => made(api, index, { own: { ...alias, routing: "r" } }),
    says: /has a routing.*remove the routing/,
  },
  "an alias that forbids writes": {
    make: (api, index) => made(api, index, { own: { ...alias, is_write_index: false } }),
    says: /is_write_index: false .* set it to true/,
  },
  "a disabled _source": {
    make: (api, index) => made(api, index, { mappings: guarded({}, { _source: { enabled: false } }) }),
    says: /must keep the whole _source.*"enabled": false/,
  },
  "a _source without some fields": {
    make: (api, index) => made(api, index, { mappings: guarded({}, { _source: { excludes: ["secret"] } }) }),
    says: /"_source" omits fields/,
  },
  "a required routing": {
    make: (api, index) => made(api, index, { mappings: guarded({}, { _routing: { required: true } }) }),
    says: /option "routing" must be given/,
  },
  "a guard field that is not indexed": {
    make: (api, index) =>
      made(api, index, { mappings: { properties: { _sluice: { type: "object", enabled: false } } } }),
    says: /maps _sluice so that tombstones cannot be found/,
  },
  "another type": {
    make: (api, index) => made(api, index, { mappings: guarded({ title: { type: "text" } }) }),
    options: declared({ type: "keyword" }),
    says: /declares field "title" as keyword; in the index it is text/,
  },
  "another parameter": {
    make: (api, index) => made(api, index, { mappings: guarded({ title: { type: "text", analyzer: "german" } }) }),
    options: declared({ type: "text", analyzer: "english" }),
    says: /field "title" with "analyzer" english; in the index it is german/,
  },
  "a parameter that the index does not set": {
    make: (api, index) => made(api, index, { mappings: guarded({ title: { type: "keyword" } }) }),
    options: declared({ type: "keyword", index: false }),
    says: /field "title" with "index" false; in the index it is not set/,
  },
  "another dynamic of the mapping": {
    make: (api, index) => made(api, index),
    options: { mappings: { dynamic: "strict" } },
    says: /the mapping with "dynamic" strict; in the index it is true/,
  },
  "another dynamic of an object": {
    make: (api, index) => made(api, index, { mappings: guarded({ title: { type: "object" } }, { dynamic: "false" }) }),
    options: declared({ type: "object", dynamic: true }),
    says: /field "title" with "dynamic" true; in the index it is false/,
  },
  "other dynamic templates": {
    make: (api, index) => made(api, index),
    options: { mappings: { dynamic_templates: [{ all: { match: "*", mapping: { type: "keyword" } } }] } },
    says: /the mapping with "dynamic_templates"/,
  },
  "a data stream": {
    make: async (api, index) => {
      await api("PUT", `/_index_template/${index}`, { index_patterns: [index], data_stream: {}, priority: 500 });
      await api("PUT", `/_data_stream/${index}`);
    },
    says: /the data stream "test-.*whose documents cannot be replaced/,
  },
};

/** Refused by `ensure`, but a write may go on or says so itself. */
const refusedByEnsure: Readonly<Record<string, Refusal>> = {
  "another number of shards": {
    make: (api, index) => made(api, index, { settings: { number_of_shards: 2 } }),
    options: { settings: { index: { number_of_shards: 3 } } },
    says: /says index.number_of_shards: 3; in index ".*-000001" it is 2.*create a new index/,
  },
  "a setting that the index does not set": {
    make: (api, index) => made(api, index),
    options: { settings: { "mapping.total_fields.limit": 50 } },
    says: /says index.mapping.total_fields.limit: 50; in index ".*" it is 1000/,
  },
  "an analysis that the index lacks": {
    make: (api, index) => made(api, index),
    options: { settings: { analysis: { analyzer: { mine: { tokenizer: "standard" } } } } },
    says: /says index.analysis.analyzer.mine.tokenizer: standard; in index ".*" it is not set/,
  },
  "a write block": {
    make: (api, index) => made(api, index, { settings: { "blocks.write": true } }),
    says: /is write-protected: set index.blocks.write to null/,
  },
  "a read-only index": {
    make: async (api, index) => {
      await made(api, index);
      await api("PUT", `/${index}-000001/_settings`, { "index.blocks.read_only": true });
    },
    says: /is read-only: set index.blocks.read_only to null/,
  },
  "a closed index": {
    make: async (api, index) => {
      await made(api, index);
      await api("POST", `/${index}-000001/_close`);
    },
    says: /is closed: open it/,
  },
};

await describeWithEachServer("the check of the index", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(() => {
    client = new Client({ node: url });
  });

  afterAll(() => client.close());

  const sinkFor = (index: string, options: Partial<OpensearchSinkOptions> = {}): OpensearchSink =>
    opensearchSink({ client, index, ...options });

  const messageOf = async (sink: OpensearchSink): Promise<string> => {
    const [result] = await sink.write([insert], newContext());
    return result?.outcome === "failed" ? `${result.error.code} ${result.error.message}` : String(result?.outcome);
  };

  for (const [name, { make, says, options }] of Object.entries({ ...refusals, ...refusedByEnsure })) {
    test(`ensure refuses ${name}, and says what to do`, async () => {
      const index = newIndex();
      await make(api, index);
      const refused = { code: "CONFIG_INVALID", message: expect.stringMatching(says) };
      await expect(sinkFor(index, options).ensure()).rejects.toMatchObject(refused);
      await expect(sinkFor(index, options).ensure({ apply: false })).rejects.toMatchObject(refused);
    });
  }

  for (const [name, { make, says, options }] of Object.entries(refusals)) {
    test(`the first write without ensure refuses ${name}, and writes nothing`, async () => {
      const index = newIndex();
      await make(api, index);
      const message = await messageOf(sinkFor(index, options));
      expect(message).toMatch(/^SINK_MISSING /);
      expect(message).toMatch(says);
      expect(await hitsOf(api, index)).toEqual([]);
    });
  }

  test.each([
    ["has no filter", { own: {} }, /has no filter, so searches find removed items; ensure\(\) adds/],
    ["lacks the guard's field", { mappings: {} }, /lacks _sluice; ensure\(\) adds the field/],
  ])("the first write refuses an index that %s, until ensure has completed the index", async (_name, parts, says) => {
    const index = newIndex();
    await made(api, index, parts);
    const sink = sinkFor(index);
    expect(await messageOf(sink)).toMatch(says);
    await sink.ensure();
    expect(await messageOf(sink)).toBe("delivered");
  });

  test("an index that ensure has made from every kind of option is accepted again", async () => {
    const index = newIndex();
    const options: Partial<OpensearchSinkOptions> = {
      settings: {
        ...testSettings,
        number_of_shards: "2",
        index: { refresh_interval: "5s", "mapping.depth.limit": 5 },
        analysis: { analyzer: { mine: { type: "custom", tokenizer: "standard", filter: ["lowercase"] } } },
      },
      mappings: {
        dynamic: false,
        date_detection: true,
        dynamic_templates: [{ names: { match: "n*", mapping: { type: "keyword" } } }],
        properties: {
          title: { type: "text", analyzer: "mine", norms: true, fields: { exact: { type: "keyword", index: true } } },
          day: { type: "date", format: "strict_date_optional_time||epoch_millis" },
          price: { type: "scaled_float", scaling_factor: 100, coerce: true },
          copied: { type: "keyword", copy_to: "title", doc_values: "true", ignore_above: 256 },
          open: { type: "object", dynamic: true, properties: { inner: { type: "nested", dynamic: "strict" } } },
          place: { type: "geo_point" },
        },
      },
    };
    const sink = sinkFor(index, options);
    expect(await sink.ensure()).toHaveLength(1);
    expect(await sink.ensure()).toEqual([]);
    expect(await messageOf(sinkFor(index, options))).toBe("delivered");
  });

  const kinds: Readonly<Record<string, Partial<OpensearchSinkOptions>>> = {
    "index_prefixes without members": declared({ type: "text", index_prefixes: {} }),
    "join relations as a list of one": declared({ type: "join", relations: { parent: ["child"] } }),
    "contexts of a completion": declared({ type: "completion", contexts: [{ name: "kind", type: "category" }] }),
    "the orientation of a shape": declared({ type: "geo_shape", orientation: "right" }),
    "a search_analyzer equal to the analyzer": declared({
      type: "text",
      analyzer: "english",
      search_analyzer: "english",
    }),
    "a number of replicas that is expanded": {
      settings: { ...testSettings, number_of_replicas: 1, auto_expand_replicas: "0-1" },
    },
    "fields whose names are paths": {
      mappings: {
        properties: {
          "a.b": { type: "keyword" },
          "a.c.d": { type: "long" },
          a: { dynamic: "strict", properties: { "c.e": { type: "text", fields: { raw: { type: "keyword" } } } } },
          lines: { type: "nested", properties: { "x.y": { type: "long" } } },
          "lines.z": { type: "date" },
        },
      },
    },
  };

  test.each(Object.keys(kinds))("an index that ensure has made is accepted again: %s", async (kind) => {
    const [index, options] = [newIndex(), kinds[kind] ?? {}];
    const sink = sinkFor(index, options);
    expect(await sink.ensure()).toHaveLength(1);
    expect(await sink.ensure()).toEqual([]);
    expect(await messageOf(sinkFor(index, options))).toBe("delivered");
  });

  test("a field whose name is a path is added, and compared", async () => {
    const index = newIndex();
    await sinkFor(index, { mappings: { properties: { a: { properties: { b: { type: "long" } } } } } }).ensure();
    const more = { mappings: { properties: { "a.b": { type: "long" }, "a.c": { type: "keyword" } } } };
    expect(await sinkFor(index, more).ensure()).toHaveLength(1);
    expect(await sinkFor(index, more).ensure()).toEqual([]);
    const other = { mappings: { properties: { "a.b": { type: "date" } } } };
    await expect(sinkFor(index, other).ensure()).rejects.toThrow('field "a.b" as date; in the index it is long');
  });

  test("adds a field inside a nested field", async () => {
    const index = newIndex();
    const nested = (properties: Readonly<Record<string, OpensearchField>>) => ({
      mappings: { properties: { lines: { type: "nested", properties } } },
    });
    await sinkFor(index, nested({ a: { type: "long" } })).ensure();
    const more = nested({ a: { type: "long" }, b: { type: "long" } });
    expect(await sinkFor(index, more).ensure()).toHaveLength(1);
    expect(await sinkFor(index, more).ensure()).toEqual([]);
  });

  test("ensure refuses what an index template has added to a new index, and so does a write", async () => {
    const index = newIndex();
    const template = { mappings: { _source: { excludes: ["secret"] } } };
    await api("PUT", `/_index_template/${index}`, { index_patterns: [`${index}-*`], template, priority: 500 });
    await expect(sinkFor(index).ensure()).rejects.toThrow('"_source" omits fields');
    expect(await messageOf(sinkFor(index))).toContain('"_source" omits fields');
  });

  test("after a failure a write checks again, and finds that the alias leads to another index", async () => {
    const index = newIndex();
    const sink = sinkFor(index);
    await sink.ensure();
    expect(await messageOf(sink)).toBe("delivered");
    await api("PUT", `/${index}-000002`, { mappings: guarded(), settings: testSettings });
    const moved = [
      { remove: { index: `${index}-000001`, alias: index } },
      { add: { index: `${index}-000002`, alias: index, ...alias } },
    ];
    await api("POST", "/_aliases", { actions: moved });
    expect(await messageOf(sink)).toBe("delivered");
    expect((await hitsOf(api, index)).map(({ _id }) => _id)).toEqual(["a"]);
  });
});
