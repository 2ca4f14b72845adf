// Deletes tombstones that are so old that no older change of the same item can still arrive.

import { ConfigError, SinkError, withoutDeadline } from "@sluice/core/sink-kit";
import type { OpensearchClient, OpensearchRequest } from "../client/client.ts";
import { requestBody } from "../client/request.ts";
import type { OpensearchSettings } from "../options.ts";
import { tombstonesBefore } from "../write/guard.ts";

const dayMs = 86_400_000;
const purgeTimeoutMs = 300_000;

/** Maximum number of tombstones per request, so that requests are short and writers do not wait. */
const chunkSize = 10_000;

/** What the sink reads of the answer to `_delete_by_query`. */
interface Deletion {
  /** Number of tombstones that the query selected, including those with conflicts. */
  readonly total: number;
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
  const indexPath = `/${indices.map(encodeURIComponent).join(",")}`;
  const body = JSON.stringify({ query: tombstonesBefore(now - days * dayMs) });
  const deleteChunk = async (): Promise<Deletion> => {
    // Without a refresh, the query could select the same changed documents again and again.
    await request({ method: "POST", path: `${indexPath}/_refresh` });
    // If a tombstone becomes a live document meanwhile, OpenSearch finds a conflict. `proceed` keeps the document.
    const querystring = `conflicts=proceed&max_docs=${chunkSize}`;
    return (await request({ method: "POST", path: `${indexPath}/_delete_by_query`, querystring, body })) as Deletion;
  };
  let deleted = 0;
  for (;;) {
    const chunk = await deleteChunk();
    if (chunk.failures.length > 0) {
      const message = `[${sink}] ${chunk.failures.length} tombstones could not be deleted`;
      throw new SinkError("SINK_UNAVAILABLE", message);
    }
    deleted += chunk.deleted;
    // Tombstones with conflicts are selected but not deleted. So a chunk with few deletions is not always the last.
    if (chunk.total < chunkSize || chunk.deleted === 0) return deleted;
  }
};
