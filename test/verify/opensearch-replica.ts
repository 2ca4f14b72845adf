// Indexes in OpenSearch as targets of the verification suite.

import { opensearchSink } from "@sluice/sink-opensearch";
import type { Copy, OpenReplica } from "./replica.ts";

const properties = {
  pk: { type: "keyword" },
  total: { type: "long" },
  label: { type: "keyword" },
  kind: { type: "keyword" },
};

const settings = { number_of_shards: 1, number_of_replicas: 0, "translog.durability": "async" };

interface Found {
  readonly hits: { readonly hits: readonly { readonly _source: { readonly [field: string]: unknown } }[] };
}

let opened = 0;

/** Opens indexes. */
export const opensearchReplicas =
  (url: string): OpenReplica =>
  async (name) => {
    opened += 1;
    const index = `verify-${process.pid}-${opened}-${name}`;
    const sink = opensearchSink({ node: url, index, mappings: { dynamic: "strict", properties }, settings });
    await sink.ensure();
    const request = async (method: string, path: string, body?: object): Promise<unknown> => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`${url}/${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text);
      throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    };
    return {
      sink: sink as never,
      messageOf: (pk, copy) => ({ pk, ...copy }),
      forget: async (pk) => {
        await request("POST", `${index}/_refresh`);
        await request("POST", `${index}/_delete_by_query?refresh=true`, { query: { term: { pk } } });
      },
      unversion: async (pk) => {
        await request("POST", `${index}/_refresh`);
        const script = { source: "ctx._source.remove('_sluice')" };
        await request("POST", `${index}/_update_by_query?refresh=true`, { query: { term: { pk } }, script });
      },
      rows: async () => {
        await request("POST", `${index}/_refresh`);
        const found = (await request("POST", `${index}/_search`, { size: 1_000 })) as Found;
        return new Map(
          found.hits.hits.map(({ _source: { pk, total, label, kind } }) => [
            String(pk),
            { total, ...(label !== undefined && { label }), ...(kind !== undefined && { kind }) } as unknown as Copy,
          ]),
        );
      },
      close: async () => {
        await sink.close?.();
        await request("DELETE", `${index}-000001`);
      },
    };
  };
