// Compares the table with a replica, value by value. The comparison shares no code with the sink of the replica.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { FilmItem } from "./films-data.ts";

/** A copy of a film: the text of each column, or null for an empty column. */
export type FilmRow = { readonly [column: string]: string | null };

/**
 * Ids of films whose copies are wrong. `stale`: the copy has the values of an older write. `differing`: the copy has
 * other wrong values. `ghost`: the copy exists, but its film is not in the table.
 */
export interface Comparison {
  readonly compared: number;
  readonly missing: readonly string[];
  readonly stale: readonly string[];
  readonly differing: readonly string[];
  readonly ghost: readonly string[];
}

/** The attribute that each column copies. */
export const columns: { readonly [column: string]: string } = {
  film_id: "filmId",
  title: "Title",
  us_gross: "US Gross",
  worldwide_gross: "Worldwide Gross",
  us_dvd_sales: "US DVD Sales",
  production_budget: "Production Budget",
  release_date: "Release Date",
  mpaa_rating: "MPAA Rating",
  running_time_min: "Running Time min",
  distributor: "Distributor",
  source: "Source",
  major_genre: "Major Genre",
  creative_type: "Creative Type",
  director: "Director",
  rotten_tomatoes_rating: "Rotten Tomatoes Rating",
  imdb_rating: "IMDB Rating",
  imdb_votes: "IMDB Votes",
  updated_at_ms: "updatedAtMs",
};

const textOf = (value: AttributeValue | undefined): string | null => value?.S ?? value?.N ?? null;

const isEqual = (item: FilmItem, row: FilmRow): boolean =>
  Object.entries(columns).every(([column, attribute]) => textOf(item[attribute]) === (row[column] ?? null));

const isOlder = (item: FilmItem, row: FilmRow): boolean =>
  Number(row.updated_at_ms ?? 0) < Number(textOf(item.updatedAtMs) ?? 0);

/** Compares every item with the copy of the same film. */
export const compare = (items: ReadonlyMap<string, FilmItem>, rows: ReadonlyMap<string, FilmRow>): Comparison => {
  const missing: string[] = [];
  const stale: string[] = [];
  const differing: string[] = [];
  for (const [id, item] of items) {
    const row = rows.get(id);
    if (row === undefined) missing.push(id);
    else if (!isEqual(item, row)) (isOlder(item, row) ? stale : differing).push(id);
  }
  const ghost = [...rows.keys()].filter((id) => !items.has(id));
  return { compared: items.size, missing, stale, differing, ghost };
};

/** Returns true if table and replica are equal. Films in `deadLettered` may differ. */
export const isClean = (
  { missing, stale, differing, ghost }: Comparison,
  deadLettered: ReadonlySet<string> = new Set(),
): boolean => [missing, stale, differing, ghost].flat().every((filmId) => deadLettered.has(filmId));

/** Returns one line: `3,129 compared: 0 missing, 0 stale, 0 differing, 0 ghost`. */
export const describeComparison = ({ compared, missing, stale, differing, ghost }: Comparison): string =>
  `${compared.toLocaleString("en")} compared: ${missing.length} missing, ${stale.length} stale, ` +
  `${differing.length} differing, ${ghost.length} ghost`;
