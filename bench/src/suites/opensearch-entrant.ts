// What the contenders of the OpenSearch suite have in common: the changes, the index, and what it holds in the end.

import type { Client } from "@opensearch-project/opensearch";
import type { PlainItem } from "@sluice/testing";
import { filmColumns, keyAttribute } from "../films.ts";
import type { Work } from "../rounds.ts";

/** `redelivered`: the updates once more. `mixed`: of ten records three inserts, six updates and one removal. */
export type Mix = "insert" | "update" | "redelivered" | "mixed";

/** A film as it is then, or was until it is removed. */
export interface FilmChange {
  readonly film: PlainItem;
  readonly isRemoved: boolean;
}

export const idOf = (film: PlainItem): string => String(film[keyAttribute]);

/** The same changes for everybody, as events and as documents. */
export interface Material {
  /** Events as JSON text, one for each batch. */
  readonly events: Readonly<Record<Mix, readonly string[]>>;
  readonly changes: Readonly<Record<Mix, readonly (readonly FilmChange[])[]>>;
}

export interface Entrant {
  readonly name: string;
  /** The alias or index to search. */
  readonly index: string;
  /** Makes the index anew, empty. */
  readonly reset: () => Promise<void>;
  /** Makes ready what Lambda, or nobody, would have made; returns the work from there to the last acknowledgement. */
  readonly prepare: (mix: Mix, batch: number) => Work;
}

const fieldTypes: Readonly<Record<string, string>> = {
  bigint: "long",
  integer: "integer",
  smallint: "short",
  numeric: "double",
  text: "keyword",
};

/** Fields of every index: nothing is left for the server to guess. */
export const mappings: { readonly properties: Readonly<Record<string, { readonly type: string }>> } = {
  properties: Object.fromEntries(
    Object.values(filmColumns).map(({ path: [attribute], type }) => [
      attribute,
      { type: attribute === "Title" ? "text" : (fieldTypes[type] ?? "keyword") },
    ]),
  ),
};

/** What is read at the end is more than the default. */
const mostRead = 100_000;

export const indexSettings: Readonly<Record<string, number>> = {
  number_of_shards: 1,
  number_of_replicas: 0,
  max_result_window: mostRead,
};

/** Deletes the indices of that name, where there are some. */
export const dropIndex = async (client: Client, index: string): Promise<void> => {
  await client.transport.request({ method: "DELETE", path: `/${index}*` });
};

/** An index as everybody has it who has no sink to make one. */
export const recreateIndex = async (client: Client, index: string): Promise<void> => {
  await dropIndex(client, index);
  await client.transport.request({ method: "PUT", path: `/${index}`, body: { settings: indexSettings, mappings } });
};

interface SearchAnswer {
  readonly hits: { readonly hits: readonly { readonly _source: Readonly<Record<string, unknown>> }[] };
}

/** All documents in the order of their keys, as text, without the sink's own field. */
export const contentOf = async (client: Client, index: string): Promise<string[]> => {
  await client.transport.request({ method: "POST", path: `/${index}/_refresh` });
  const body = { size: mostRead, sort: [{ [keyAttribute]: "asc" }], query: { match_all: {} } };
  const answer = await client.transport.request({ method: "POST", path: `/${index}/_search`, body });
  const attributes = Object.values(filmColumns).map(({ path: [attribute] }) => attribute);
  return (answer.body as unknown as SearchAnswer).hits.hits.map(({ _source }) => JSON.stringify(_source, attributes));
};
