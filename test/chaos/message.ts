// What targets are sent.

import type { Change } from "@sluice/core";
import type { Arrival } from "./comparison.ts";
import { type ChaosItem, sequenceOf } from "./history.ts";

/** What every message of an append target tells of its change. */
export const arrivalOf = ({ keys, record }: Change): Arrival => ({
  item: String(keys.pk),
  sequenceNumber: sequenceOf(record),
});

/** The row of an item, beside its key. */
export const rowOf = ({ revision, note }: ChaosItem): { revision: number; note: string } => ({ revision, note });
