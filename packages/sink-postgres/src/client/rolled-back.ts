// A transaction that is always rolled back. Each query has a savepoint, because Postgres refuses all queries of a
// transaction after one has failed.

import type { Session } from "./session.ts";

const savepoint = "sluice_dry_run";

/** Calls `use` with a session whose effects are rolled back. Constraints that are deferred are checked by each query. */
export const rolledBack = async <Value>(
  session: Session,
  use: (session: Session) => Promise<Value>,
): Promise<Value> => {
  const { query, discard } = session;
  const tried: Session["query"] = async (text, values) => {
    await query(`SAVEPOINT ${savepoint}`, []);
    try {
      return await query(text, values);
    } catch (error) {
      await query(`ROLLBACK TO SAVEPOINT ${savepoint}`, []).catch(discard);
      throw error;
    }
  };
  await query("BEGIN", []);
  try {
    await query("SET CONSTRAINTS ALL IMMEDIATE", []);
    return await use({ query: tried, discard });
  } finally {
    // A connection with an open transaction must not go back to the pool: later writes would never be committed.
    await query("ROLLBACK", []).catch(discard);
  }
};
