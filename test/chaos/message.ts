// Mappers that turn changes into messages for the targets.

import type { Change } from "@sluice/core";
import type { Arrival } from "./comparison.ts";
import { type ChaosItem, sequenceOf } from "./history.ts";

/** Returns the message for an append target. */
export const arrivalOf = ({ keys, record }: Change): Arrival => ({
  item: String(keys.pk),
  sequenceNumber: sequenceOf(record),
});

/** Returns the row of an item, without the columns of its key. */
export const rowOf = ({ revision, note }: ChaosItem): { revision: number; note: string } => ({ revision, note });
