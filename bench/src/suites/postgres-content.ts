// What suites with Postgres share: the server's settings, empty tables, and the check that tables hold the same rows.

import type pg from "pg";
import { filmColumns, keyColumn } from "../films.ts";

/**
 * Postgres syncs commits to disk, as by default. (The tests turn this off.) The server's background work is off,
 * because it would slow down some contenders more than others.
 */
export const serverSettings = {
  fsync: "on",
  full_page_writes: "on",
  autovacuum: "off",
  checkpoint_timeout: "1h",
  max_wal_size: "4GB",
  shared_buffers: "256MB",
};

/** Describes the server in a few words. */
export const serverOf = async (pool: pg.Pool): Promise<string> => {
  const { rows } = await pool.query<{ server: string }>(
    "SELECT split_part(version(), ' on ', 1) || ', fsync ' || current_setting('fsync') AS server",
  );
  return rows[0]?.server ?? "";
};

/** Empties tables. */
export const truncate = async (pool: pg.Pool, relations: readonly string[]): Promise<void> => {
  await pool.query(`TRUNCATE ${relations.join(", ")}`);
  await pool.query("CHECKPOINT");
};

const contentOf = async (pool: pg.Pool, view: string): Promise<string> => {
  const columns = Object.keys(filmColumns).join(", ");
  const { rows } = await pool.query<{ content: string }>(
    `SELECT count(*) || ' ' || md5(string_agg(t::text, ';' ORDER BY ${keyColumn})) AS content FROM (SELECT ${columns} FROM ${view}) t`,
  );
  return rows[0]?.content ?? "";
};

/** @throws if the contenders left different rows, because a comparison needs equal work */
export const assertSameContent = async (pool: pg.Pool, views: readonly string[], expected: number): Promise<void> => {
  const contents = await Promise.all(views.map((view) => contentOf(pool, view)));
  if (new Set(contents).size !== 1 || !contents[0]?.startsWith(`${expected} `)) {
    throw new Error(`the contenders left different rows: ${contents.join(", ")}`);
  }
};
