// A transaction in which Postgres refuses every write.

import type { Session } from "./session.ts";

/** Calls `use` in a transaction that can only read. */
export const readOnly = async <Value>(session: Session, use: (session: Session) => Promise<Value>): Promise<Value> => {
  const { query, discard } = session;
  await query("BEGIN READ ONLY", []);
  try {
    return await use(session);
  } finally {
    // A connection with an open transaction must not go back to the pool: later writes would never be committed.
    await query("ROLLBACK", []).catch(discard);
  }
};
