// The 3,201 films of vega-datasets as items, in a file for `sluice dev --seed`.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A film as a JSON object. */
export type FilmItem = Readonly<Record<string, unknown>> & { readonly filmId: number };

/** Loads the films. The key of a film is its position in the data, from 1, because titles repeat. */
export const loadFilms = async (): Promise<readonly FilmItem[]> => {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const text = await readFile(join(entry, "../../data/movies.json"), "utf8");
  const films = JSON.parse(text) as Readonly<Record<string, unknown>>[];
  return films.map((film, index) => ({ filmId: index + 1, ...film }));
};

/** Writes the films into a file, one a line. */
export const writeSeed = async (path: string, films: readonly FilmItem[]): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, films.map((film) => `${JSON.stringify(film)}\n`).join(""));
};
