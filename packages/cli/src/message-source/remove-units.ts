// Removes units from their source.

import type { PayloadStore } from "@sluice/core/envelope";
import type { MessageSource } from "@sluice/inspect/queue";
import { removeWithRecords } from "@sluice/redrive";
import type { Terminal } from "../terminal/terminal.ts";
import type { MessageUnit } from "./receive-units.ts";

/** Removes units and, if `payloadStore` is given, their records. Returns the ids of messages that could not be removed. */
export const removeUnits = async (
  units: readonly MessageUnit<unknown>[],
  source: Pick<MessageSource, "remove">,
  payloadStore: Pick<PayloadStore, "remove"> | undefined,
  { err }: Pick<Terminal, "err">,
): Promise<ReadonlySet<string>> => {
  const removed = await removeWithRecords(units, {
    removeMessages: async (ids) => {
      const left = new Set(await source.remove(ids));
      return new Set(ids.filter((id) => !left.has(id)));
    },
    payloadStore,
    onError: (url, error) => err(`${url} could not be removed: ${(error as Error).message}`),
  });
  return new Set(units.flatMap(({ messages }) => messages).filter((id) => !removed.has(id)));
};
