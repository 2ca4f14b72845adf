// The part of the suite growth with indexes in OpenSearch. The sink fills its index; the other contenders have
// clones of it. The sink remembers the documents that it wrote last, and so all of 10,000 but few of 1,000,000; `cold` has a
// new environment in each round, which remembers none of either.

import { Client } from "@opensearch-project/opensearch";
import { pipeline } from "@sluice/core";
import { startOpensearch } from "@sluice/local";
import { opensearchSink } from "@sluice/sink-opensearch";
import type { PlainItem } from "@sluice/testing";
import { filmsUpTo, keyAttribute } from "../films.ts";
import { silent, takeAll } from "../pipeline-handler.ts";
import type { SuiteReport } from "../suite.ts";
import { compareSizes, eventOf, type GrowthEntrant, type GrowthPlan, keyAt } from "./growth-load.ts";
import { idOf, indexSettings, mappings } from "./opensearch-entrant.ts";
import { linesOf, rawSender } from "./opensearch-raw.ts";
import { emptySink } from "./opensearch-sluice.ts";

const fillBatch = 5_000;

const filmsFrom = (films: readonly PlainItem[], first: number, count: number): PlainItem[] =>
  Array.from({ length: count }, (_, index) => ({
    ...films[(first + index) % films.length],
    [keyAttribute]: keyAt(first + index),
  }));

const cleaned =
  (client: Client, index: string) =>
  async (inserted: readonly number[]): Promise<void> => {
    const bulkBody = inserted
      .map((key) => `${JSON.stringify({ delete: { _id: idOf({ [keyAttribute]: key }) } })}\n`)
      .join("");
    if (bulkBody !== "") await client.transport.request({ method: "POST", path: `/${index}/_bulk`, bulkBody });
    await client.transport.request({ method: "POST", path: `/${index}/_refresh` });
  };

const entrantsOf = async (client: Client, items: number): Promise<GrowthEntrant[]> => {
  const index = `sluice-bench-growth-${items}`;
  const clone = `sluice-bench-cloned-${items}`;
  const handler = pipeline("films", { onReject: "block", logger: silent })
    .to(await emptySink(client, index))
    .handler();
  const films = await filmsUpTo(3_000);
  for (let first = 0; first < items; first += fillBatch) {
    const some = filmsFrom(films, first, Math.min(fillBatch, items - first));
    await takeAll("fill", handler, eventOf(some, first + 1, false));
  }
  const cold = `sluice-bench-cold-growth-${items}`;
  const block = (value: boolean | null) => ({ "index.blocks.write": value });
  const put = async (path: string, body: object): Promise<void> => {
    await client.transport.request({ method: "PUT", path, body });
  };
  await put(`/${index}/_settings`, block(true));
  await put(`/${index}-000001/_clone/${clone}?wait_for_active_shards=1`, {
    settings: { ...indexSettings, ...block(null) },
  });
  await put(`/${index}-000001/_clone/${cold}-000001?wait_for_active_shards=1`, {
    settings: { ...indexSettings, ...block(null) },
  });
  await put(`/${index}/_settings`, block(null));
  await opensearchSink({ client, index: cold, mappings, settings: indexSettings }).ensure();
  const newEnvironment = () =>
    pipeline("films", { onReject: "block", logger: silent })
      .to(opensearchSink({ client, index: cold }))
      .handler();
  const send = rawSender(client, clone);
  return [
    {
      name: "sluice",
      items,
      clean: cleaned(client, index),
      prepare:
        ({ event }) =>
        () =>
          takeAll("sluice", handler, event),
    },
    {
      name: "cold",
      items,
      clean: cleaned(client, cold),
      prepare: ({ event }) => {
        const environment = newEnvironment();
        return () => takeAll("cold", environment, event);
      },
    },
    {
      name: "raw",
      items,
      clean: cleaned(client, clone),
      prepare: (batch) => {
        const half = Math.ceil(batch.films.length / 2);
        const bodies = [batch.films.slice(0, half), batch.films.slice(half)].map((part) =>
          part.map((film) => linesOf({ film, isRemoved: false })).join(""),
        );
        return async () => {
          await Promise.all(bodies.map(send));
        };
      },
    },
  ];
};

/** Compares the writes to indexes of two sizes. */
export const opensearchGrowth = async (plan: GrowthPlan): Promise<SuiteReport> => {
  const engine = await startOpensearch({ javaFlags: [] });
  const client = new Client({ node: engine.url });
  try {
    const entrants = [...(await entrantsOf(client, plan.few)), ...(await entrantsOf(client, plan.many))];
    return await compareSizes("opensearch", entrants, plan);
  } finally {
    await client.close();
    await engine.stop();
  }
};
