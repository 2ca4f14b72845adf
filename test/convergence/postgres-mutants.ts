// Postgres targets with one defect each. Each defect is caused by a changed or additional SQL statement.

import { setTimeout } from "node:timers/promises";
import type { PostgresClient, PostgresGuard, PostgresPool, PostgresQuery } from "@sluice/sink-postgres";
import type { Mutation } from "./postgres-target.ts";

const withClients = (
  pool: PostgresPool,
  mutate: (client: PostgresClient) => PostgresClient["query"],
): PostgresPool => ({
  connect: async () => {
    const client = await pool.connect();
    return { query: mutate(client), release: (error) => client.release(error) };
  },
  end: () => pool.end(),
});

/** Returns a mutation that changes the text of every statement. */
export const rewriting = (rewrite: (text: string) => string): Mutation => ({
  pool: (pool) =>
    withClients(pool, (client) => (query: PostgresQuery) => client.query({ ...query, text: rewrite(query.text) })),
});

/** Returns a mutation that runs the statement `text` after every write. */
const followedBy = (text: string): Mutation => ({
  pool: (pool) =>
    withClients(pool, (client) => async (query: PostgresQuery) => {
      const result = await client.query(query);
      if (query.text.startsWith("WITH")) await client.query({ text, values: [] });
      return result;
    }),
});

/** The condition of both guards, as `statements.ts` writes it. */
const newerOnly = `WHERE (held."sluice_version" < EXCLUDED."sluice_version" OR (held."sluice_version" = EXCLUDED."sluice_version"
    AND held."sluice_removed_at" IS NOT NULL AND EXCLUDED."sluice_removed_at" IS NULL))`;
const versions: Readonly<Record<PostgresGuard, string>> = {
  "version-table": "specimens_sluice",
  inline: "specimens_with_tombstones",
};

/** Combines two mutations. A statement passes through `outer` first, then through `inner`. */
export const both = (inner: Mutation, outer: Mutation): Mutation => ({
  pool: (pool) => (outer.pool ?? ((same) => same))((inner.pool ?? ((same) => same))(pool)),
});

const longestCommitMs = 6;

/**
 * Makes commits slow, as on a server that waits for its disk or its replicas. Slow commits are not a defect. They make
 * the statements of two writers overlap, which is rare with fast commits.
 */
export const slowCommits: Mutation = {
  pool: (pool) =>
    withClients(pool, (client) => async (query: PostgresQuery) => {
      if (!query.text.startsWith("WITH")) return client.query(query);
      await client.query({ text: "BEGIN", values: [] });
      try {
        const result = await client.query(query);
        await setTimeout(Math.random() * longestCommitMs);
        await client.query({ text: "COMMIT", values: [] });
        return result;
      } catch (error) {
        await client.query({ text: "ROLLBACK", values: [] });
        throw error;
      }
    }),
};

/** A defect: the guard compares with the version in the statement's snapshot, even if this version was replaced. */
const versionSeenBefore = (guard: PostgresGuard): string =>
  `WHERE COALESCE((SELECT seen."sluice_version" FROM ${versions[guard]} AS seen
    WHERE seen."pk" = EXCLUDED."pk" AND seen."sk" = EXCLUDED."sk"), '') < EXCLUDED."sluice_version"`;

/** Disables `deleteRemovedStatement`, the second statement of a removal. Only the guard `version-table` needs it. */
const withoutSecondStatement = rewriting((text) => (text.startsWith("WITH removed") ? `${text} AND false` : text));

/** The defects, each with the mutation that causes the defect. */
export const postgresMutants = (guard: PostgresGuard): Readonly<Record<string, Mutation>> => ({
  "does not compare versions": rewriting((text) => text.replaceAll(newerOnly, "")),
  "prefers the older version": rewriting((text) => text.replaceAll(newerOnly, newerOnly.replace("<", ">"))),
  "keeps no tombstones": followedBy(`DELETE FROM ${versions[guard]} WHERE sluice_removed_at IS NOT NULL`),
  "keeps a removed attribute": rewriting((text) =>
    text.replaceAll(
      /("note"|"amount"|"payload") = EXCLUDED\.\1/g,
      (_, column) => `${column} = COALESCE(EXCLUDED.${column}, ${guard === "inline" ? "held" : "specimens"}.${column})`,
    ),
  ),
});

/** Defects that the suite can find only if writers overlap. */
export const postgresRaceMutants = (guard: PostgresGuard): Readonly<Record<string, Mutation>> => ({
  "compares with a version that it read earlier": both(
    slowCommits,
    rewriting((text) => text.replaceAll(newerOnly, versionSeenBefore(guard))),
  ),
  ...(guard === "version-table" && {
    "does not repeat a removal that had to wait for another writer": both(slowCommits, withoutSecondStatement),
  }),
});
