// Deletes tombstones that are so old that no older change of the same item can still arrive.

import { ConfigError, purgeInChunks, SinkError, withoutDeadline } from "@sluice/core/sink-kit";
import type { OpensearchClient, OpensearchRequest } from "../client/client.ts";
import { requestBody } from "../client/request.ts";
import type { OpensearchSettings } from "../options.ts";
import { tombstonesBefore } from "../write/guard.ts";

const dayMs = 86_400_000;
const purgeTimeoutMs = 300_000;

/** What the sink reads of the answer to `_delete_by_query`. */
interface Deletion {
  readonly deleted: number;
  readonly failures: readonly unknown[];
}

/** Deletes tombstones older than `days`, and returns their number. `now` is in milliseconds since the epoch. */
export const purgeTombstones = async (
  client: OpensearchClient,
  { name: sink, index, serverless }: OpensearchSettings,
  days: number,
  now: number,
): Promise<number> => {
  if (serverless) {
    const message = 'option "serverless": Serverless offers no deletion by query, so tombstones stay';
    throw new ConfigError("CONFIG_INVALID", message);
  }
  const request = (params: OpensearchRequest): Promise<unknown> =>
    requestBody(client, params, { sink, context: withoutDeadline, timeoutMs: purgeTimeoutMs });
  // Names the indices, because the alias's filter hides tombstones, so a deletion by the alias would find none.
  const indices = Object.keys(
    (await request({ method: "GET", path: `/_alias/${encodeURIComponent(index)}` })) as object,
  );
  const path = `/${indices.map(encodeURIComponent).join(",")}/_delete_by_query`;
  const body = JSON.stringify({ query: tombstonesBefore(now - days * dayMs) });
  return purgeInChunks(async (most) => {
    // If a tombstone becomes a live document meanwhile, OpenSearch finds a conflict. `proceed` keeps the document.
    // `max_docs` counts only deletions, so a chunk with fewer deletions is the last, even if it had conflicts.
    const querystring = `conflicts=proceed&refresh=true&max_docs=${most}`;
    const { deleted, failures } = (await request({ method: "POST", path, querystring, body })) as Deletion;
    if (failures.length === 0) return deleted;
    throw new SinkError("SINK_UNAVAILABLE", `[${sink}] ${failures.length} tombstones could not be deleted`);
  });
};
