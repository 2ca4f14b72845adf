// Corrupts copies in Postgres, as an operator with a wrong statement could: in each of the five ways that verify names.

import type { Pool } from "pg";
import type { FilmItem } from "../films-data.ts";

/** A class of wrong copies, as verify names it, with the film whose copy is made wrong and the statements that do it. */
interface Corruption {
  readonly class: "missing" | "wrongly-removed" | "stale" | "different" | "ghost";
  readonly about: string;
  readonly statements: readonly string[];
}

/** A film that is not in the table. */
const ghostId = "900001";

/** The versions are in this table, beside the rows. */
const versions = "films_sluice";

/** Returns the corruptions. Each film is the victim of one of them. */
export const corruptions = (
  [one, two, three, four]: readonly string[],
  versionsTable: string = versions,
): readonly Corruption[] => [
  {
    class: "missing",
    about: "a row and its version are deleted",
    statements: [`DELETE FROM films WHERE film_id = ${one}`, `DELETE FROM ${versionsTable} WHERE film_id = ${one}`],
  },
  {
    class: "stale",
    about: "a row is restored from an old backup, with its old version",
    statements: [
      `UPDATE films SET imdb_votes = 1, updated_at_ms = 1 WHERE film_id = ${two}`,
      `UPDATE ${versionsTable} SET sluice_version = left(sluice_version, 18) || repeat('0', 40) WHERE film_id = ${two}`,
    ],
  },
  {
    class: "different",
    about: "a value is overwritten by hand",
    statements: [`UPDATE films SET title = 'overwritten by hand' WHERE film_id = ${three}`],
  },
  {
    class: "wrongly-removed",
    about: "a row is removed, with a tombstone",
    statements: [
      `DELETE FROM films WHERE film_id = ${four}`,
      `UPDATE ${versionsTable} SET sluice_removed_at = now() WHERE film_id = ${four}`,
    ],
  },
  {
    class: "ghost",
    about: "a row of a film that does not exist",
    statements: [
      `INSERT INTO films (film_id, title) VALUES (${ghostId}, 'The Ghost')`,
      `INSERT INTO ${versionsTable} (film_id, sluice_version) SELECT ${ghostId}, min(sluice_version) FROM ${versionsTable}`,
    ],
  },
];

/** Corrupts the copies of some films, and returns what was done. */
export const corrupt = async (pool: Pool, items: ReadonlyMap<string, FilmItem>): Promise<readonly Corruption[]> => {
  const victims = [...items.keys()].sort((a, b) => Number(a) - Number(b)).filter((_, index) => index % 1_000 === 7);
  const done = corruptions(victims);
  for (const { statements } of done) for (const statement of statements) await pool.query(statement);
  return done;
};
