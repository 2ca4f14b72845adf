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

const linesOf = ({ film, isRemoved }: DocumentChange): string =>
  isRemoved
    ? `${JSON.stringify({ delete: { _id: idOf(film) } })}\n`
    : `${JSON.stringify({ index: { _id: idOf(film) } })}\n${JSON.stringify(film)}\n`;

export const rawBulk = (client: Client, { changes }: OpensearchMaterial): OpensearchEntrant => {
  const send = async (bulkBody: string): Promise<void> => {
    const { body } = await client.transport.request({
      method: "POST",
      path: `/${index}/_bulk`,
      querystring: "filter_path=errors,items.*.error",
      bulkBody,
    });
    if ((body as unknown as { readonly errors: boolean }).errors) throw new Error("raw: documents failed");
  };
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
