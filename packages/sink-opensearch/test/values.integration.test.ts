// Values that OpenSearch reads in another way than as JSON: places with long decimals, and texts with half a surrogate
// pair. Also what the errors of refused values say.

import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { streamChange } from "@sluice/testing";
import { type OpensearchSink, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { apiOf, hitsOf, newIndex, withoutGuard } from "./support/api.ts";
import { deliveryOf, newContext, outcomesOf } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const exact = (text: string) => NumberValueImpl.from(text);
const [lon, lat] = [exact("13.40495399999999999999"), exact("52.52000659999999999999")];
const [near, nearLat] = [13.404954, 52.5200066];

const insertOf = (pk: string, message: object) =>
  deliveryOf(streamChange({ keyNames: ["pk"], after: { pk } }), { pk, ...message });
const modifyOf = (pk: string, message: object) =>
  deliveryOf(streamChange({ keyNames: ["pk"], before: { pk }, after: { pk }, position: 2 }), { pk, ...message });

await describeWithEachServer("values", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(() => {
    client = new Client({ node: url });
  });

  afterAll(() => client.close());

  const open = async (options: Partial<OpensearchSinkOptions>): Promise<{ sink: OpensearchSink; index: string }> => {
    const index = newIndex();
    const sink = opensearchSink({ client, index, settings: testSettings, ...options });
    await sink.ensure();
    return { sink, index };
  };

  const fields = {
    at: { type: "geo_point" },
    area: { type: "geo_shape" },
    shop: { properties: { at: { type: "geo_point" } } },
    exact: { type: "keyword" },
  };

  const placed = {
    list: { at: [lon, lat] },
    lists: {
      at: [
        [lon, lat],
        [1, 2],
      ],
    },
    member: { at: { lat, lon } },
    members: { at: [{ lat, lon }] },
    text: { at: "52.5200066,13.404954" },
    wkt: { at: "POINT (13.404954 52.5200066)" },
    inner: { shop: { at: [lon, lat] } },
    innerList: { shop: [{ at: [lon, lat] }] },
    dotted: { "shop.at": [lon, lat] },
  };

  for (const source of ["options", "index"] as const) {
    test(`places with long decimals are found, with the mapping of the ${source}`, async () => {
      const { sink, index } = await open({ mappings: { properties: fields } });
      const writer = source === "options" ? sink : opensearchSink({ client, index });
      const entries = Object.entries(placed);
      const deliveries = entries.flatMap(([pk, message]) => [insertOf(pk, message), modifyOf(`${pk}-m`, message)]);
      expect(await outcomesOf(writer, deliveries)).toEqual(deliveries.map(() => "delivered"));
      for (const field of ["at", "shop.at"]) {
        const query = { geo_distance: { distance: "2m", [field]: { lat: nearLat, lon: near } } };
        const names = entries.map(([pk]) => pk).filter((pk) => /^(inner|dotted)/.test(pk) === (field !== "at"));
        const expected = names.flatMap((pk) => [pk, `${pk}-m`]).sort();
        expect((await hitsOf(api, index, query)).map(({ _id }) => _id).sort()).toEqual(expected);
      }
      expect(
        new Set(
          (await hitsOf(api, index, { ids: { values: ["list", "list-m"] } })).map((hit) =>
            JSON.stringify(hit._source.at),
          ),
        ),
      ).toEqual(new Set([JSON.stringify([near, nearLat])]));
    });
  }

  test("shapes with long decimals are found, and exact numbers elsewhere keep their digits", async () => {
    const { sink, index } = await open({ mappings: { properties: fields } });
    const ring = [
      [exact("13.000000000000000000001"), exact("52.000000000000000000001")],
      [14, exact("52.000000000000000000001")],
      [14, 53],
      [exact("13.000000000000000000001"), 53],
      [exact("13.000000000000000000001"), exact("52.000000000000000000001")],
    ];
    const shapes = {
      point: { type: "Point", coordinates: [lon, lat] },
      polygon: { type: "Polygon", coordinates: [ring] },
      collection: { type: "GeometryCollection", geometries: [{ type: "Point", coordinates: [lon, lat] }] },
      wkt: "POINT (13.404954 52.5200066)",
    };
    const deliveries = Object.entries(shapes).map(([pk, area]) => insertOf(pk, { area, exact: lat }));
    expect(await outcomesOf(sink, deliveries)).toEqual(deliveries.map(() => "delivered"));
    const shape = {
      type: "envelope",
      coordinates: [
        [13.3, 52.6],
        [13.5, 52.4],
      ],
    };
    const hits = await hitsOf(api, index, { geo_shape: { area: { shape, relation: "intersects" } } });
    expect(hits.map(({ _id }) => _id).sort()).toEqual(Object.keys(shapes).sort());
    expect(new Set(hits.map(({ _source }) => _source.exact))).toEqual(new Set([lat.toString()]));
  });

  test("half a surrogate pair is delivered unchanged in a value, and rejected in a name or a key", async () => {
    const { sink, index } = await open({ mappings: { dynamic: false } });
    const texts = ["\ud800", "a\udfffb", "\udc00\ud800", "\\ud800", "\ud83d\ude00"];
    const message = { text: texts, map: { inner: "x\ud83dy" } };
    const deliveries = [insertOf("created", message), modifyOf("scripted", message)];
    expect(await outcomesOf(sink, deliveries)).toEqual(["delivered", "delivered"]);
    for (const { _source } of await hitsOf(api, index)) {
      expect(withoutGuard(_source)).toEqual({ pk: expect.any(String), ...message });
    }
    const refused = [insertOf("name", { "a\ud800": 1 }), insertOf("inner", { a: [{ "b\udc00": 1 }] })];
    expect(await outcomesOf(sink, refused)).toEqual(["SINK_REJECTED", "SINK_REJECTED"]);
    const key = insertOf("key", {});
    const half = { ...key, change: Object.create(key.change, { keys: { value: { pk: "a\ud800" } } }) };
    expect(await outcomesOf(sink, [half])).toEqual(["SINK_REJECTED"]);
  });

  const secret = "confidential-7f3a";
  const refusals: readonly (readonly [name: string, document: object, says: string])[] = [
    [
      "too many fields",
      Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`f${at}`, 1])),
      "the limit of 16 fields",
    ],
    ["an unknown field", { strict: { [secret]: 1 } }, 'the strict mapping has no field "strict.*"'],
    ["too many levels", { open: { a: { b: { c: { d: 1 } } } } }, "the limit of 3 (index.mapping.depth.limit)"],
    ["a value in place of an object", { strict: secret }, 'field "strict" is an object in the mapping'],
    ["an object in place of a value", { "n.secret": 1 }, 'field "n" has the type long in the mapping'],
    ["a value of another type", { n: secret }, 'field "n" of type long'],
    ["a value of another type in a map", { map: { "confidential-7f3a": secret } }, 'field "map.*" of type long'],
    ["a long term", { word: secret.repeat(3_000) }, 'field "word" is longer than 32766 bytes'],
    ["too many nested documents", { nested: [{}, {}, {}] }, "the limit of 2 (index.mapping.nested_objects.limit)"],
    [
      "a child without a routing",
      { join: { name: "child", parent: secret } },
      'join field "join" needs option "routing"',
    ],
    ["an unknown join", { join: secret }, 'join field "join" has an unknown name'],
    ["an empty name", { "": 1 }, "a field with an empty name"],
    ["a misplaced dot", { [`.${secret}`]: 1 }, "a field whose name has a misplaced dot"],
  ];

  test("the reasons of refused documents name fields, types and limits, and no value", async () => {
    const settings = { "mapping.total_fields.limit": 16, "mapping.depth.limit": 3, "mapping.nested_objects.limit": 2 };
    const { sink, index } = await open({
      settings: { ...testSettings, ...settings },
      mappings: {
        properties: {
          pk: { type: "keyword" },
          strict: { dynamic: "strict", properties: { known: { type: "long" } } },
          n: { type: "long" },
          word: { type: "keyword" },
          nested: { type: "nested" },
          join: { type: "join", relations: { parent: "child" } },
        },
      },
    });
    await api("PUT", `/${index}-000001/_mapping`, {
      properties: { map: { properties: { [secret]: { type: "long" } } } },
    });
    for (const [name, document, says] of refusals) {
      const batch = [insertOf("refused", document), insertOf(`good ${name}`, {})];
      const results = await sink.write(batch, newContext());
      const texts = results.map((one) => (one.outcome === "failed" ? `${one.error.code} ${one.error.message}` : ""));
      expect(texts.join("")).toContain(says);
      expect(texts.join("")).toContain("SINK_REJECTED");
      expect(texts.join("")).not.toContain(secret);
    }
  });
});
