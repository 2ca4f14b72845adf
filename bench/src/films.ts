// The 3,201 films of vega-datasets, as items and as rows. The data has nulls, mixed types and long texts.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chunk, type StreamRecord } from "@sluice/core/sink-kit";
import { type PlainItem, type StreamEvent, streamEvent, streamRecord } from "@sluice/testing";

/** A column of the replica: the attribute whose value is copied to the column, and the type of the column. */
export interface FilmColumn {
  readonly path: readonly [string];
  readonly type: string;
}

/** The key attribute. */
export const keyAttribute = "filmId";

/** The column of the key attribute. */
export const keyColumn = "film_id";

/** The columns of every table that a contender writes to. The key column is the first. */
export const filmColumns: Readonly<Record<string, FilmColumn>> = {
  film_id: { path: ["filmId"], type: "bigint" },
  title: { path: ["Title"], type: "text" },
  us_gross: { path: ["US Gross"], type: "numeric" },
  worldwide_gross: { path: ["Worldwide Gross"], type: "numeric" },
  us_dvd_sales: { path: ["US DVD Sales"], type: "numeric" },
  production_budget: { path: ["Production Budget"], type: "numeric" },
  release_date: { path: ["Release Date"], type: "text" },
  mpaa_rating: { path: ["MPAA Rating"], type: "text" },
  running_time_min: { path: ["Running Time min"], type: "integer" },
  distributor: { path: ["Distributor"], type: "text" },
  source: { path: ["Source"], type: "text" },
  major_genre: { path: ["Major Genre"], type: "text" },
  creative_type: { path: ["Creative Type"], type: "text" },
  director: { path: ["Director"], type: "text" },
  rotten_tomatoes_rating: { path: ["Rotten Tomatoes Rating"], type: "smallint" },
  imdb_rating: { path: ["IMDB Rating"], type: "numeric" },
  imdb_votes: { path: ["IMDB Votes"], type: "integer" },
};

/**
 * Loads the films. The key is the position in the file, from 1. (No attribute is unique and present in every film.)
 */
export const loadFilms = async (): Promise<PlainItem[]> => {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const films = JSON.parse(await readFile(join(entry, "../../data/movies.json"), "utf8")) as PlainItem[];
  return films.map((film, index) => ({ [keyAttribute]: index + 1, ...film }));
};

/** Returns `count` films. If `count` is above 3,201, the films of the file are repeated under new keys. */
export const filmsUpTo = async (count: number): Promise<PlainItem[]> => {
  const films = await loadFilms();
  return Array.from({ length: count }, (_, index) => ({ ...films[index % films.length], [keyAttribute]: index + 1 }));
};

/** Returns a copy of the film with one more vote. */
export const voted = (film: PlainItem): PlainItem => ({ ...film, "IMDB Votes": Number(film["IMDB Votes"] ?? 0) + 1 });

const recordOf = (before: PlainItem | undefined, after: PlainItem, position: number): StreamRecord =>
  streamRecord({ before, after, position, keyNames: [keyAttribute], tableName: "Films" });

/** Splits the entries into batches of `size`. The last batch may be smaller. */
export const batched = <Entry>(entries: readonly Entry[], size: number): Entry[][] =>
  chunk(entries, { maxEntries: size, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 });

const eventsOf = (records: readonly StreamRecord[], batchSize: number): StreamEvent[] =>
  batched(records, batchSize).map(streamEvent);

/** Returns batches of events that insert every film. The first insert has position 1 in the stream. */
export const insertEvents = (films: readonly PlainItem[], batchSize: number): StreamEvent[] =>
  eventsOf(
    films.map((film, index) => recordOf(undefined, film, index + 1)),
    batchSize,
  );

/** Returns batches of events that give every film one more vote. The events come after the inserts in the stream. */
export const updateEvents = (films: readonly PlainItem[], batchSize: number): StreamEvent[] =>
  eventsOf(
    films.map((film, index) => recordOf(film, voted(film), films.length + index + 1)),
    batchSize,
  );

/**
 * Returns the events as JSON. Each invocation gets newly parsed objects, as in Lambda, so no cache can contain these
 * objects.
 */
export const texts = (events: readonly StreamEvent[]): string[] => events.map((event) => JSON.stringify(event));
