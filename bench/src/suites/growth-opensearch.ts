// The part of the suite growth with indexes in OpenSearch. The sink fills its index; the other contenders have
// clones of it. The time of an update depends on whether the sink remembers that it wrote the document last: if so, it
// sends `index`, otherwise the guard's script. So each contender has documents of one kind. `sluice` has just written
// all of them, and `cold` remembers none. `raw-recent` is the raw contender whose documents were just written.

import { Client } from "@opensearch-project/opensearch";
import { pipeline } from "@sluice/core";
import { halves } from "@sluice/core/sink-kit";
import { startOpensearch } from "@sluice/local";
import { type OpensearchSink, opensearchSink } from "@sluice/sink-opensearch";
import type { PlainItem } from "@sluice/testing";
import { filmsUpTo, keyAttribute } from "../films.ts";
import { type MeasuredHandler, silent, takeAll } from "../pipeline-handler.ts";
import type { SuiteReport } from "../suite.ts";
import { compareSizes, eventOf, type GrowthBatch, type GrowthEntrant, type GrowthPlan, keyAt } from "./growth-load.ts";
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

/** Prepares the raw requests of a batch, and returns the work that sends them. */
const rawWriter =
  (client: Client, index: string) =>
  ({ films }: GrowthBatch): (() => Promise<void>) => {
    const send = rawSender(client, index);
    const bodies = halves(films).map((part) => part.map((film) => linesOf({ film, isRemoved: false })).join(""));
    return async () => {
      await Promise.all(bodies.map(send));
    };
  };

const handlerOf = (sink: OpensearchSink): MeasuredHandler =>
  pipeline("films", { onReject: "block", logger: silent }).to(sink).handler();

/** Fills an index through the handler. */
const fill = async (handler: MeasuredHandler, items: number): Promise<void> => {
  const films = await filmsUpTo(3_000);
  for (let first = 0; first < items; first += fillBatch) {
    const some = filmsFrom(films, first, Math.min(fillBatch, items - first));
    await takeAll("fill", handler, eventOf(some, first + 1, false));
  }
};

/** Clones the index behind the sink's alias. */
const cloneTo = async (client: Client, alias: string, names: readonly string[]): Promise<void> => {
  const block = (value: boolean | null) => ({ "index.blocks.write": value });
  const put = async (path: string, body: object): Promise<void> => {
    await client.transport.request({ method: "PUT", path, body });
  };
  await put(`/${alias}/_settings`, block(true));
  for (const name of names) {
    const settings = { ...indexSettings, ...block(null) };
    await put(`/${alias}-000001/_clone/${name}?wait_for_active_shards=1`, { settings });
  }
  await put(`/${alias}/_settings`, block(null));
};

const entrantsOf = async (client: Client, items: number): Promise<GrowthEntrant[]> => {
  const index = `sluice-bench-growth-${items}`;
  const clone = `sluice-bench-cloned-${items}`;
  const cold = `sluice-bench-cold-growth-${items}`;
  const handler = handlerOf(await emptySink(client, index));
  await fill(handler, items);
  await cloneTo(client, index, [clone, `${cold}-000001`]);
  await opensearchSink({ client, index: cold, mappings, settings: indexSettings }).ensure();
  const recent = (name: string, peer: string, run: (batch: GrowthBatch) => Promise<void>, written: string) => ({
    name,
    items,
    peer,
    clean: cleaned(client, written),
    writeBefore: async (batch: GrowthBatch) => {
      await run(batch);
      // OpenSearch refreshes an index every second, so that a later write finds the document in a segment.
      await client.transport.request({ method: "POST", path: `/${written}/_refresh` });
    },
  });
  const takeWarm = ({ event }: GrowthBatch): Promise<void> => takeAll("sluice", handler, event);
  const writeRaw = rawWriter(client, clone);
  return [
    { ...recent("sluice", "raw-recent", takeWarm, index), prepare: (batch) => () => takeWarm(batch) },
    {
      name: "cold",
      items,
      clean: cleaned(client, cold),
      prepare: ({ event }) => {
        const environment = handlerOf(opensearchSink({ client, index: cold }));
        return () => takeAll("cold", environment, event);
      },
    },
    { name: "raw", items, clean: cleaned(client, clone), prepare: writeRaw },
    { ...recent("raw-recent", "raw-recent", (batch) => writeRaw(batch)(), clone), prepare: writeRaw },
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
