// The parts that all contenders of the OpenSearch suite share: the changes, the settings of the index, and a function
// that reads the documents after the run.

import type { Client } from "@opensearch-project/opensearch";
import type { PlainItem } from "@sluice/testing";
import { filmColumns, keyAttribute } from "../films.ts";
import type { Work } from "../rounds.ts";

/** `redelivered` repeats the updates. In `mixed`, every ten records are three inserts, six updates and one removal. */
export type OpensearchMix = "insert" | "update" | "redelivered" | "mixed";

/** A film after a change. For a removal: the film before the removal. */
export interface DocumentChange {
  readonly film: PlainItem;
  readonly isRemoved: boolean;
}

/** The document id of a film. */
export const idOf = (film: PlainItem): string => String(film[keyAttribute]);

/** The changes that all contenders write, as events and as documents. */
export interface OpensearchMaterial {
  /** Events as JSON text, one for each batch. */
  readonly events: Readonly<Record<OpensearchMix, readonly string[]>>;
  readonly changes: Readonly<Record<OpensearchMix, readonly (readonly DocumentChange[])[]>>;
}

/** A contender and its index. */
export interface OpensearchEntrant {
  readonly name: string;
  /** The alias or index to search. */
  readonly index: string;
  /** Deletes the index and creates an empty one. */
  readonly reset: () => Promise<void>;
  /** Prepares the input of a batch. Returns the timed work, which ends with the last acknowledgement. */
  readonly prepare: (mix: OpensearchMix, batch: number) => Work;
}

const fieldTypes: Readonly<Record<string, string>> = {
  bigint: "long",
  integer: "integer",
  smallint: "short",
  numeric: "double",
  text: "keyword",
};

/** The explicit mapping of every index. */
export const mappings: { readonly properties: Readonly<Record<string, { readonly type: string }>> } = {
  properties: Object.fromEntries(
    Object.values(filmColumns).map(({ path: [attribute], type }) => [
      attribute,
      { type: attribute === "Title" ? "text" : (fieldTypes[type] ?? "keyword") },
    ]),
  ),
};

/** Maximum number of documents of one search. OpenSearch's default, 10,000, may be too low to read them all. */
const mostRead = 100_000;

/** Settings of every index. */
export const indexSettings: Readonly<Record<string, number>> = {
  number_of_shards: 1,
  number_of_replicas: 0,
  max_result_window: mostRead,
};

/** Deletes every index whose name begins with `index`. */
export const dropIndex = async (client: Client, index: string): Promise<void> => {
  await client.transport.request({ method: "DELETE", path: `/${index}*` });
};

/** Deletes and creates the index of a contender that uses no sink. */
export const recreateIndex = async (client: Client, index: string): Promise<void> => {
  await dropIndex(client, index);
  await client.transport.request({ method: "PUT", path: `/${index}`, body: { settings: indexSettings, mappings } });
};

interface SearchAnswer {
  readonly hits: { readonly hits: readonly { readonly _source: Readonly<Record<string, unknown>> }[] };
}

/** Returns all documents as text, in the order of their keys, without the field that the sink adds. */
export const contentOf = async (client: Client, index: string): Promise<string[]> => {
  await client.transport.request({ method: "POST", path: `/${index}/_refresh` });
  const body = { size: mostRead, sort: [{ [keyAttribute]: "asc" }], query: { match_all: {} } };
  const answer = await client.transport.request({ method: "POST", path: `/${index}/_search`, body });
  const attributes = Object.values(filmColumns).map(({ path: [attribute] }) => attribute);
  return (answer.body as unknown as SearchAnswer).hits.hits.map(({ _source }) => JSON.stringify(_source, attributes));
};
