// Replicates to an OpenSearch index whose documents are whole films. A sample search tolerates typing errors.

import type { OpensearchEngine } from "@sluice/local";
import { opensearchSink } from "@sluice/sink-opensearch";
import { columns, type FilmRow } from "../comparison.ts";
import type { Replica } from "./replica.ts";

const index = `sluice-demo-films-${Date.now()}`;

/** Types of the fields: `text` for searches, `keyword` for filters, and numbers. */
const mappings = {
  properties: {
    filmId: { type: "long" },
    Title: { type: "text" },
    Director: { type: "text" },
    updatedAtMs: { type: "long" },
    ...Object.fromEntries(
      ["Release Date", "MPAA Rating", "Distributor", "Source", "Major Genre", "Creative Type"].map((name) => [
        name,
        { type: "keyword" },
      ]),
    ),
    ...Object.fromEntries(
      [
        "US Gross",
        "Worldwide Gross",
        "US DVD Sales",
        "Production Budget",
        "Running Time min",
        "Rotten Tomatoes Rating",
        "IMDB Rating",
        "IMDB Votes",
      ].map((name) => [name, { type: "double" }]),
    ),
  },
};

/** The part of a search response that the demo reads. */
interface Hits {
  readonly hits: { readonly hits: readonly { readonly _score: number; readonly _source: Record<string, unknown> }[] };
}

const search = async (url: string, query: object): Promise<Hits["hits"]["hits"]> => {
  const response = await fetch(`${url}/${index}/_search`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(query),
  });
  if (!response.ok) throw new Error(`OpenSearch answered ${response.status}`);
  return ((await response.json()) as Hits).hits.hits;
};

const rowOf = (document: Record<string, unknown>): FilmRow =>
  Object.fromEntries(
    Object.entries(columns).map(([column, attribute]) => {
      const value = document[attribute];
      return [column, value === undefined || value === null ? null : String(value)];
    }),
  );

const pageSize = 5_000;

/** Returns all documents, page by page in the order of their ids. */
const readAll = async (url: string): Promise<Map<string, FilmRow>> => {
  const rows = new Map<string, FilmRow>();
  let after = 0;
  for (;;) {
    const page = { size: pageSize, query: { match_all: {} }, sort: [{ filmId: "asc" }], search_after: [after] };
    const hits = await search(url, page);
    for (const { _source } of hits) rows.set(String(_source.filmId), rowOf(_source));
    if (hits.length < pageSize) return rows;
    after = Number(hits.at(-1)?._source.filmId);
  }
};

const typingErrors = {
  size: 3,
  query: { match: { Title: { query: "lrod of the rigns", fuzziness: "AUTO", operator: "and" } } },
};

/** Opens the replica on a running server. */
export const opensearchReplica = async ({ url }: OpensearchEngine): Promise<Replica> => {
  const sink = opensearchSink({ node: url, index, mappings, settings: { number_of_replicas: 0 } });
  await sink.ensure();
  return {
    name: sink.name,
    addTo: (pipeline) => pipeline.to(sink),
    read: async () => {
      await fetch(`${url}/${index}/_refresh`, { method: "POST" });
      return readAll(url);
    },
    show: async () => {
      await fetch(`${url}/${index}/_refresh`, { method: "POST" });
      const hits = await search(url, typingErrors);
      const found = hits.map(({ _score, _source }) => `  ${_score.toFixed(1)}  ${_source.Title}`);
      return ['A search for "lrod of the rigns" in the titles:', ...found, ""];
    },
    query: `curl '${url}/${index}/_search?q=Director:Kubrick&pretty'`,
    close: sink.close,
  };
};
