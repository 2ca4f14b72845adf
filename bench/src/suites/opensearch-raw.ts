// The raw limit: unguarded bulk requests of prepared NDJSON, with the concurrency of the sink. This contender reads
// only the member `errors` of a response.

import type { Client } from "@opensearch-project/opensearch";
import { batched } from "../films.ts";
import {
  type DocumentChange,
  idOf,
  type OpensearchEntrant,
  type OpensearchMaterial,
  recreateIndex,
} from "./opensearch-entrant.ts";

const index = "sluice-bench-raw";

/** The default concurrency of the sink. */
const concurrency = 2;

/** The lines of a change in a bulk request, without a guard. */
export const linesOf = ({ film, isRemoved }: DocumentChange): string =>
  isRemoved
    ? `${JSON.stringify({ delete: { _id: idOf(film) } })}\n`
    : `${JSON.stringify({ index: { _id: idOf(film) } })}\n${JSON.stringify(film)}\n`;

/** Returns the function that sends a bulk request. @throws if a document fails */
export const rawSender =
  (client: Client, index: string) =>
  async (bulkBody: string): Promise<void> => {
    const { body } = await client.transport.request({
      method: "POST",
      path: `/${index}/_bulk`,
      querystring: "filter_path=errors,items.*.error",
      bulkBody,
    });
    if ((body as unknown as { readonly errors: boolean }).errors) throw new Error("raw: documents failed");
  };

export const rawBulk = (client: Client, { changes }: OpensearchMaterial): OpensearchEntrant => {
  const send = rawSender(client, index);
  return {
    name: "raw",
    index,
    reset: () => recreateIndex(client, index),
    prepare: (mix, batch) => {
      const documents = changes[mix][batch] ?? [];
      const bodies = batched(documents, Math.ceil(documents.length / concurrency)).map((part) =>
        part.map(linesOf).join(""),
      );
      return async () => {
        await Promise.all(bodies.map(send));
      };
    },
  };
};
