// Keeps the pool of a sink: the user's own pool, or a pool that the sink creates, and replaces if its connections hang.

import { lazyClient } from "@sluice/core/sink-kit";
import type { PostgresPool } from "./pool.ts";

/** Where the sink gets its pool from. */
export interface PoolKeeper {
  readonly get: () => Promise<PostgresPool>;
  /**
   * Called when a connection of this pool hangs, or its password is refused. The sink's own pool is then replaced: hanging
   * connections would take up its places, and its idle connections probably hang, too; a rotated connection string is
   * read again. The user's pool stays.
   */
  readonly abandon: (pool: PostgresPool) => void;
  /** Closes the pools that the sink created; the user's own pool stays open. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/** Keeps the user's own pool. */
export const userPool = (pool: PostgresPool): PoolKeeper => ({
  get: () => Promise.resolve(pool),
  abandon: () => undefined,
  close: () => Promise.resolve(),
});

/** Keeps a pool that `open` creates at the first `get`, and again after `abandon`. */
export const ownPool = (open: () => Promise<PostgresPool>): PoolKeeper => {
  const endings = new Set<Promise<void>>();
  const client = lazyClient<PostgresPool>(undefined, open, (pool) => pool.end());
  let current: PostgresPool | undefined;
  return {
    get: async () => {
      try {
        current = await client.get();
        return current;
      } catch (error) {
        // The next `get` tries again. `close` rejects with the same error, because no pool was opened.
        await client.close().catch(() => undefined);
        throw error;
      }
    },
    abandon: (pool) => {
      if (pool !== current) return;
      current = undefined;
      // Ends the pool when its last connection is closed. The next `get` creates a new pool.
      const ending = client.close().finally(() => endings.delete(ending));
      ending.catch(() => undefined);
      endings.add(ending);
    },
    close: async () => {
      current = undefined;
      await Promise.all([client.close(), ...endings]);
    },
  };
};
