// Corrupts copies in Postgres, as an operator with a wrong statement could: in each of the five ways that verify names.

import type { Pool } from "pg";

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

/**
 * Returns the corruptions. Each film is the victim of one of them. The second film was written by the stream, so its copies
 * in the other replicas have a newer version.
 */
const corruptions = ([one, two, three, four]: readonly string[]): readonly Corruption[] => [
  {
    class: "missing",
    about: "a row and its version are deleted",
    statements: [`DELETE FROM films WHERE film_id = ${one}`, `DELETE FROM ${versions} WHERE film_id = ${one}`],
  },
  {
    class: "stale",
    about: "a row is restored from an old backup, with its old version",
    statements: [
      `UPDATE films SET imdb_votes = 1, updated_at_ms = 1 WHERE film_id = ${two}`,
      `UPDATE ${versions} SET sluice_version = left(sluice_version, 18) || repeat('0', 40) WHERE film_id = ${two}`,
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
      `UPDATE ${versions} SET sluice_removed_at = now() WHERE film_id = ${four}`,
    ],
  },
  {
    class: "ghost",
    about: "a row of a film that does not exist",
    statements: [
      `INSERT INTO films (film_id, title) VALUES (${ghostId}, 'The Ghost')`,
      `INSERT INTO ${versions} (film_id, sluice_version) SELECT ${ghostId}, min(sluice_version) FROM ${versions}`,
    ],
  },
];

/** Films of Postgres whose copies have, or do not have, the version of a backfill. */
const filmsOf = async (pool: Pool, isOfStream: boolean, count: number): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ film_id: string }>(
    `SELECT film_id::text FROM films JOIN ${versions} USING (film_id)
     WHERE (substr(sluice_version, 19, 40) <> repeat('0', 40)) = $1 ORDER BY film_id LIMIT $2`,
    [isOfStream, count],
  );
  return rows.map(({ film_id }) => film_id);
};

/** Corrupts the copies of some films, and returns what was done. */
export const corrupt = async (pool: Pool): Promise<readonly Corruption[]> => {
  const [one = "", three = "", four = ""] = await filmsOf(pool, false, 3);
  const [two = ""] = await filmsOf(pool, true, 1);
  const done = corruptions([one, two, three, four]);
  for (const { statements } of done) for (const statement of statements) await pool.query(statement);
  return done;
};
