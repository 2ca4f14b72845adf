// Removes tombstones that no repeat can reach any more.

import { ConfigError, SinkError } from "@sluice/core/sink-kit";
import { ask, type OpensearchClient, type OpensearchRequest, unhurried } from "../client/client.ts";
import type { Settings } from "../options.ts";
import { tombstonesBefore } from "../write/guard.ts";

/** Options of `purge`. */
export interface PurgeOptions {
  /** Tombstones of removals longer ago than this go. Default 16; at least 15: stream 24 hours and dead letters 14 days. */
  readonly olderThanDays?: number;
}

const longestRepeatDays = 15;
const defaultDays = 16;
const dayMs = 86_400_000;
/** Documents of one request, which then ends within its time. */
const chunkDocuments = 10_000;
const purgeTimeoutMs = 300_000;

const checkDays = (days: number): number => {
  if (Number.isSafeInteger(days) && days >= longestRepeatDays && days <= 100_000) return days;
  throw new ConfigError(
    "CONFIG_INVALID",
    `option "olderThanDays" must be a whole number of at least ${longestRepeatDays}: a removed item could come back from the dead-letter queue`,
  );
};

interface Purged {
  readonly deleted: number;
  readonly failures: readonly unknown[];
}

/** The alias hides tombstones from every search, and a deletion by query is one: the indices are named themselves. */
const indicesBehind = async (
  send: (request: OpensearchRequest) => Promise<unknown>,
  { index }: Settings,
): Promise<readonly string[]> =>
  Object.keys((await send({ method: "GET", path: `/_alias/${encodeURIComponent(index)}` })) as object);

/** Removes tombstones past the horizon and returns how many there were. `now`: milliseconds since the epoch. */
export const purgeTombstones = async (
  client: OpensearchClient,
  settings: Settings,
  { olderThanDays = defaultDays }: PurgeOptions,
  now: number,
): Promise<number> => {
  const days = checkDays(olderThanDays);
  if (settings.serverless) {
    throw new ConfigError(
      "CONFIG_INVALID",
      'option "serverless": Serverless offers no deletion by query, so tombstones stay',
    );
  }
  const send = async (request: OpensearchRequest): Promise<unknown> => {
    const answer = await ask(client, request, { sink: settings.name, context: unhurried, timeoutMs: purgeTimeoutMs });
    if ("failure" in answer) throw answer.failure.error;
    return answer.body;
  };
  const path = `/${(await indicesBehind(send, settings)).map(encodeURIComponent).join(",")}/_delete_by_query`;
  const body = JSON.stringify({ query: tombstonesBefore(now - days * dayMs) });
  let total = 0;
  for (let removed = chunkDocuments; removed === chunkDocuments; ) {
    // An item that comes back meanwhile has changed its document: that is a conflict, and the document stays.
    const querystring = `conflicts=proceed&refresh=true&max_docs=${chunkDocuments}`;
    const { deleted, failures } = (await send({ method: "POST", path, querystring, body })) as Purged;
    if (failures.length > 0) {
      throw new SinkError("SINK_UNAVAILABLE", `[${settings.name}] ${failures.length} tombstones could not be removed`);
    }
    removed = deleted;
    total += deleted;
  }
  return total;
};
