// OpenSearch as a target. Proxies simulate its faults, because a real restart takes too long for a test.

import type { OpensearchEngine } from "@sluice/local";
import { opensearchSink } from "@sluice/sink-opensearch";
import type { ChaosItem } from "./history.ts";
import { httpFaults } from "./http-faults.ts";
import type { ChaosTarget } from "./target.ts";

const settings = { number_of_shards: 1, number_of_replicas: 0, "translog.durability": "async" };

interface Hits {
  readonly hits: { readonly hits: readonly { readonly _source: ChaosItem }[] };
}

/** Opens a target that has its own index. */
export const opensearchTarget = async ({ url }: OpensearchEngine, index: string): Promise<ChaosTarget> => {
  const bodies = ['{"errors":false,"items":[]}', '{"errors":true}', '{"errors":false,"items":[{"index":{}}]}'];
  const faults = await httpFaults(url, bodies);
  const sink = opensearchSink({ node: faults.endpoint, index, settings, maxEntries: 10 });
  await sink.ensure();
  const post = (path: string): Promise<Response> => fetch(`${url}/${index}${path}`, { method: "POST" });
  return {
    name: sink.name,
    addTo: (pipeline, wrap) => pipeline.to(wrap(sink), ({ after }) => ({ ...after })),
    begin: faults.begin,
    end: faults.end,
    read: async () => {
      await post("/_refresh");
      const { hits } = (await (await post("/_search?size=10000")).json()) as Hits;
      return { kind: "rows", rows: new Map(hits.hits.map(({ _source }) => [_source.pk, _source])) };
    },
    close: async () => {
      await sink.close();
      await faults.stop();
    },
  };
};
