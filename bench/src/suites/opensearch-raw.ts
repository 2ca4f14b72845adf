// The raw limit: NDJSON that is there already, unguarded, as many requests in flight as the sink has; of the answer no
// more is read than whether all was taken.

import type { Client } from "@opensearch-project/opensearch";
import { batched } from "../films.ts";
import { type Entrant, type FilmChange, idOf, type Material, recreateIndex } from "./opensearch-entrant.ts";

const index = "sluice-bench-raw";

/** The sink's default. */
const concurrency = 2;

const linesOf = ({ film, isRemoved }: FilmChange): string =>
  isRemoved
    ? `${JSON.stringify({ delete: { _id: idOf(film) } })}\n`
    : `${JSON.stringify({ index: { _id: idOf(film) } })}\n${JSON.stringify(film)}\n`;

export const rawBulk = (client: Client, { changes }: Material): Entrant => {
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
