// OpenSearch behind proxies: a restart takes it longer than a test may.

import type { OpensearchEngine } from "@sluice/local";
import { opensearchSink } from "@sluice/sink-opensearch";
import type { ChaosItem } from "./history.ts";
import { httpFaults } from "./http-faults.ts";
import type { ChaosTarget } from "./target.ts";

const settings = { number_of_shards: 1, number_of_replicas: 0, "translog.durability": "async" };

interface Hits {
  readonly hits: { readonly hits: readonly { readonly _source: ChaosItem }[] };
}

/** Opens an index of its own. */
export const opensearchTarget = async ({ url }: OpensearchEngine, index: string): Promise<ChaosTarget> => {
  const bodies = ['{"errors":false,"items":[]}', '{"errors":true}', '{"errors":false,"items":[{"index":{}}]}'];
  const faults = await httpFaults(url, bodies);
  const sink = opensearchSink({ node: faults.endpoint, index, settings, maxEntries: 10 });
  await sink.ensure();
  const ask = (path: string): Promise<Response> => fetch(`${url}/${index}${path}`, { method: "POST" });
  return {
    name: sink.name,
    addTo: (pipeline, between) => pipeline.to(between(sink), ({ after }) => ({ ...after })),
    begin: faults.begin,
    end: faults.end,
    read: async () => {
      await ask("/_refresh");
      const { hits } = (await (await ask("/_search?size=10000")).json()) as Hits;
      return { kind: "rows", rows: new Map(hits.hits.map(({ _source }) => [_source.pk, _source])) };
    },
    close: async () => {
      await sink.close();
      await faults.stop();
    },
  };
};
