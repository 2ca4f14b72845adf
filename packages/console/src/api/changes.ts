// The changes that the console has seen: one row for each change in each route.

import type { Image } from "@sluice/core/sink-kit";

/** Outcome of a delivery. */
export type RowOutcome = "delivered" | "superseded" | "filtered" | "rejected" | "retried";

/** A change in a route. It has the item's key, and no other value. */
export interface ChangeRow {
  /** Counts rows from 1. Newer rows have higher numbers. */
  readonly seq: number;
  /** When the delivery was reported, in milliseconds since the epoch. */
  readonly at: number;
  readonly pipeline: string;
  readonly route: string;
  /** Origin of the delivery, such as `stream` or `redrive`. */
  readonly origin: string;
  readonly eventId: string | undefined;
  /** Undefined if the record could not be decoded. */
  readonly keys: Image | undefined;
  readonly kind: "insert" | "modify" | "remove" | undefined;
  readonly version: string | undefined;
  readonly outcome: RowOutcome;
  readonly code?: string;
  readonly attempts: number;
  readonly isQueued?: true;
  /** Age of the change when the route was done, in milliseconds. */
  readonly ageMs?: number;
}

/** Which rows are wanted. Undefined members select all. */
export interface ChangeFilter {
  readonly pipeline?: string | undefined;
  readonly route?: string | undefined;
  readonly outcome?: RowOutcome | undefined;
  readonly code?: string | undefined;
  readonly kind?: "insert" | "modify" | "remove" | undefined;
  /** A text within the key: the attribute values of the key with a comma between them. */
  readonly key?: string | undefined;
}

/** The answer of `GET /api/changes`: newest first. */
export interface ChangePage {
  readonly rows: readonly ChangeRow[];
  /** Whether older rows match, and are still held. */
  readonly hasMore: boolean;
}
