// The OpenSearch sink as a target of the convergence suite. A target has one index and three variants of the sink: with
// the mapper of the route, with the mapper of the sink, and with two alternating sinks.

import { type AttributeValue, attributeToJson, type Image, type Sink, type UnknownItem } from "@sluice/core/sink-kit";
import { type OpensearchClient, type OpensearchDocument, opensearchSink } from "@sluice/sink-opensearch";
import type { SpecimenItem } from "@sluice/testing";
import { exactJson } from "./exact-json.ts";
import type { Copy, Target } from "./target.ts";

/** A change to the target that causes a defect. */
export interface OpensearchMutation {
  /** Returns the body that is sent in place of the body of a bulk request. */
  readonly rewrite?: (bulkBody: string) => string;
  /** Whether each item's routing changes with its attribute `revision`. */
  readonly isRouted?: boolean;
}

/** A routing that changes over time. Some routings lead to the same shard. */
const changingRouting = ({ revision }: UnknownItem): string => `place-${Number(revision) % 5}`;

/** More shards, so that most routings lead to different shards. */
const routedSettings = { number_of_shards: 3 };

const mappings = {
  dynamic: "strict",
  properties: {
    pk: { type: "keyword" },
    sk: { type: "keyword" },
    revision: { type: "long" },
    note: { type: "text" },
    amount: { type: "double" },
    payload: { type: "object", enabled: false },
  },
};

/** One shard, no replicas, and writes that do not wait for the disk, so that the test is fast. */
const settings = {
  number_of_shards: 1,
  number_of_replicas: 0,
  "translog.durability": "async",
  max_result_window: 100_000,
};

const request = async (url: string, method: string, path: string, body?: string): Promise<string> => {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
};

/** A client that rewrites requests. It does not use OpenSearch's own client. */
const clientOf = (url: string, rewrite: (bulkBody: string) => string): OpensearchClient => ({
  transport: {
    request: async ({ method, path, querystring, bulkBody, body }) => {
      const sent = bulkBody === undefined ? body : rewrite(bulkBody.toString());
      const text = await request(url, method, querystring === undefined ? path : `${path}?${querystring}`, sent);
      // The sink expects a response to the request that it made, so this code undoes the rewriting: it renames the
      // actions in the response, and it replaces the status 404, which a delete of a missing document has.
      const restored = text
        .replaceAll(/\{"(?:delete|index)":(\{[^{}]*\})\}/g, '{"update":$1,"create":$1,"index":$1}')
        .replaceAll('"status":404', '"status":200');
      return { body: JSON.parse(restored) };
    },
  },
});

/** Returns true if a double can represent this number. A document contains any other number as text. */
const fits = (digits: string): boolean => String(Number(digits)) === digits;

const withWideNumbersAsText = (value: AttributeValue): AttributeValue =>
  "N" in value && !fits(value.N) ? { S: value.N } : value;

const fieldsOf = (copy: (field: string) => string | undefined): Copy =>
  Object.fromEntries(Object.keys(mappings.properties).map((field) => [field, copy(field) ?? null]));

const copyOf = (image: Image): Copy =>
  fieldsOf((field) => {
    const value = image[field];
    return value === undefined ? undefined : exactJson(attributeToJson(withWideNumbersAsText(value)));
  });

type Source = Readonly<Record<string, unknown>>;

const copyOfSource = (source: Source): Copy =>
  fieldsOf((field) => (source[field] === undefined ? undefined : exactJson(JSON.stringify(source[field]))));

const page = 2000;

/** Reads all documents of the alias, page by page. */
const readAll = async (url: string, index: string): Promise<ReadonlyMap<string, Copy>> => {
  await request(url, "POST", `/${index}/_refresh`);
  const copies = new Map<string, Copy>();
  for (let after: readonly string[] | undefined; ; ) {
    const query = { size: page, sort: [{ pk: "asc" }], ...(after !== undefined && { search_after: after }) };
    const found = JSON.parse(await request(url, "POST", `/${index}/_search`, JSON.stringify(query)));
    const hits: readonly { readonly _source: Source; readonly sort: readonly string[] }[] = found.hits.hits;
    for (const { _source } of hits) {
      const pk = String(_source.pk);
      // Two documents of one item have different routings. No copy is equal to this one.
      copies.set(pk, copies.has(pk) ? { documents: "two" } : copyOfSource(_source));
    }
    if (hits.length < page) return copies;
    after = hits.at(-1)?.sort;
  }
};

let opened = 0;

/** Returns the name of an index that no other target of these tests has. */
export const newIndex = (): string => {
  opened += 1;
  return `convergence-${process.pid}-${opened}`;
};

/** Opens a target. Its index is created if it does not exist. */
export const openOpensearch = async (
  url: string,
  mutation: OpensearchMutation = {},
  index: string = newIndex(),
): Promise<Target<OpensearchDocument>> => {
  const { rewrite, isRouted = false } = mutation;
  const target = {
    index,
    mappings,
    settings: { ...settings, ...(isRouted && routedSettings) },
    ...(isRouted && { routing: changingRouting }),
  };
  const own = opensearchSink({ node: url, ...target });
  await own.ensure();
  const through = rewrite === undefined ? { node: url } : { client: clientOf(url, rewrite) };
  const make = () => opensearchSink({ ...through, ...target });
  const [mapped, whole] = [make(), make()];
  let writes = 0;
  // Simulates two Lambda environments that take turns. Each environment has its own cache of recent writes.
  const alternating: Sink<OpensearchDocument, "upsert"> = {
    ...mapped,
    write: (batch, context) => {
      writes += 1;
      return (writes % 2 === 0 ? mapped : whole).write(batch, context);
    },
  };
  const map = ({ after }: { readonly after: SpecimenItem }) => after;
  return {
    variants: [{ sink: mapped, map }, { sink: whole }, { sink: alternating, map }],
    readAll: () => readAll(url, target.index),
    copyOf,
    needsOldImages: isRouted,
    purge: () => mapped.purge(),
    close: async () => {
      await Promise.all([own, mapped, whole].map((sink) => sink.close()));
      await request(url, "DELETE", `/${target.index}-000001`);
    },
  };
};
