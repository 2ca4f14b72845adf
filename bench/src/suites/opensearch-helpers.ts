// The contender that uses the client's bulk helper with its default options. The objects are prepared and unguarded.

import type { Client } from "@opensearch-project/opensearch";
import type { PlainItem } from "@sluice/testing";
import { idOf, type OpensearchEntrant, type OpensearchMaterial, recreateIndex } from "./opensearch-entrant.ts";

const index = "sluice-bench-helpers-bulk";

export const helpersBulk = (client: Client, { changes }: OpensearchMaterial): OpensearchEntrant => ({
  name: "helpers-bulk",
  index,
  reset: () => recreateIndex(client, index),
  prepare: (mix, batch) => {
    const documents = changes[mix][batch] ?? [];
    const datasource = documents.map(({ film }) => film);
    const removed = new Set(documents.filter(({ isRemoved }) => isRemoved).map(({ film }) => film));
    return async () => {
      const { failed } = await client.helpers.bulk<PlainItem>({
        datasource,
        onDocument: (film) => {
          const target = { _index: index, _id: idOf(film) };
          return removed.has(film) ? { delete: target } : { index: target };
        },
      });
      if (failed > 0) throw new Error(`helpers-bulk: ${failed} documents failed`);
    };
  },
});
