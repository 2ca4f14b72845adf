// Deletes tombstones that are so old that no older change of the same item can still arrive.

import { ConfigError, purgeInChunks, SinkError, type WriteContext, withoutDeadline } from "@sluice/core/sink-kit";
import type { OpensearchClient, OpensearchRequest } from "../client/client.ts";
import { requestBody } from "../client/request.ts";
import type { OpensearchSettings } from "../options.ts";
import { deletedAtField, tombstonesBefore } from "../write/guard.ts";

const dayMs = 86_400_000;
const purgeTimeoutMs = 300_000;

/** What the sink reads of the answer to `_delete_by_query`. */
interface Deletion {
  readonly deleted: number;
  readonly failures: readonly unknown[];
}

type Send = (params: OpensearchRequest) => Promise<unknown>;

/** Returns the names of the indices for a path. The alias's filter hides tombstones: by the alias, none would be found. */
const indicesBehind = async (index: string, request: Send): Promise<string> => {
  const indices = Object.keys(
    (await request({ method: "GET", path: `/_alias/${encodeURIComponent(index)}` })) as object,
  );
  return indices.map(encodeURIComponent).join(",");
};

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
  const request: Send = (params) =>
    requestBody(client, params, { sink, context: withoutDeadline, timeoutMs: purgeTimeoutMs });
  const path = `/${await indicesBehind(index, request)}/_delete_by_query`;
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

/** What the sink reads of the answer to the search for the oldest tombstone. */
interface Oldest {
  readonly aggregations?: { readonly oldest?: { readonly value?: number | null } };
}

/** Returns when the oldest tombstone was written. */
export const oldestTombstone = async (
  client: OpensearchClient,
  { name: sink, index, timeoutMs }: OpensearchSettings,
  context: WriteContext,
): Promise<Date | undefined> => {
  const request: Send = (params) => requestBody(client, params, { sink, context, timeoutMs });
  const path = `/${await indicesBehind(index, request)}/_search`;
  const aggs = { oldest: { min: { field: deletedAtField } } };
  const body = JSON.stringify({ size: 0, query: tombstonesBefore(Date.now()), aggs });
  const { aggregations } = (await request({ method: "POST", path, body })) as Oldest;
  const oldest = aggregations?.oldest?.value ?? undefined;
  return oldest === undefined ? undefined : new Date(oldest);
};
