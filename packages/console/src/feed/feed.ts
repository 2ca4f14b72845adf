// The changes that a console has seen: the last ones in a ring, and counters for each second.

import type { Image } from "@sluice/core/sink-kit";
import type { ChangeFilter, ChangePage, ChangeRow } from "../api/changes.ts";
import type { RouteNow } from "../api/overview.ts";

/** What a route reports at the end of an invocation. */
export interface RouteMeasure {
  readonly pipeline: string;
  readonly route: string;
  readonly at: number;
  /** Undefined: the invocation had no changes of the stream; the last lag stays. */
  readonly lagMs: number | undefined;
  /** Undefined: unknown; the last numbers stay. */
  readonly pending: number | undefined;
  readonly pendingAgeMs: number | undefined;
}

/** The changes that a console has seen. */
export interface ChangeFeed {
  /** Adds rows; the feed numbers them. */
  readonly add: (rows: readonly Omit<ChangeRow, "seq">[]) => void;
  readonly measure: (measures: readonly RouteMeasure[]) => void;
  readonly page: (filter: ChangeFilter, before: number | undefined, limit: number) => ChangePage;
  /** Rows of one item that are still held, oldest first. */
  readonly ofItem: (pipeline: string, keys: Image) => readonly ChangeRow[];
  /** Calls the listener with new rows. Returns the function that ends this. */
  readonly onRows: (listener: (rows: readonly ChangeRow[]) => void) => () => void;
  /** The numbers of these routes, in this order; also of those without a row. */
  readonly routes: (known: readonly { readonly pipeline: string; readonly route: string }[]) => readonly RouteNow[];
}
