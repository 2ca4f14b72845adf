// The 3,201 films of vega-datasets. The data is real: it has nulls, mixed types and wrong values.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";

/** A film as DynamoDB stores it: an attribute value for each attribute. */
export type FilmItem = { readonly filmId: AttributeValue } & { readonly [attribute: string]: AttributeValue };

const attributeOf = (value: unknown): AttributeValue => {
  if (value === null) return { NULL: true };
  return typeof value === "number" ? { N: String(value) } : { S: String(value) };
};

/**
 * Loads the films as items. The key of a film is its position in the file, from 1. A title cannot be the key, because
 * titles repeat, and one title is null. Titles that are numbers stay numbers.
 */
export const loadFilms = async (): Promise<FilmItem[]> => {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const path = join(entry, "../../data/movies.json");
  const films = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>[];
  return films.map((film, index) => ({
    filmId: { N: String(index + 1) },
    ...Object.fromEntries(Object.entries(film).map(([name, value]) => [name, attributeOf(value)])),
  }));
};

/** Returns this many films: the given ones, and copies of them with other ids. */
export const manyFilms = (films: readonly FilmItem[], count: number): FilmItem[] =>
  Array.from({ length: count }, (_, index) => ({
    ...(films[index % films.length] as FilmItem),
    filmId: { N: String(index + 1) },
  }));
