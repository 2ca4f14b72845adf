// Creates the feed of a pipeline that runs on this machine.

import { type Clock, checkWhole, type Image, itemKeyOf, RecordError, systemClock } from "@sluice/core/sink-kit";
import type { ChangeRow } from "../api/changes.ts";
import type { ChangeFeed } from "./feed.ts";
import { type RouteCounters, routeCounters } from "./route-counters.ts";
import { rowRing } from "./row-ring.ts";

/** Options of a feed. */
export interface FeedOptions {
  /** Number of rows that are held. Default 10,000. */
  readonly capacity?: number;
  readonly clock?: Pick<Clock, "now">;
}

/** The key as one text; undefined if it is none, as that of a malformed record. */
const keyOf = (keys: Image | undefined): string | undefined => {
  if (keys === undefined) return undefined;
  try {
    return itemKeyOf(keys);
  } catch (error) {
    if (error instanceof RecordError) return undefined;
    throw error;
  }
};

/** Creates a feed. It counts a row or a report in the second in which it comes, on a clock that never goes back. */
export const createFeed = ({ capacity = 10_000, clock = systemClock }: FeedOptions = {}): ChangeFeed => {
  checkWhole("capacity", capacity, [1, 1_000_000]);
  const ring = rowRing(capacity);
  const listeners = new Set<(rows: readonly ChangeRow[]) => void>();
  const counters = new Map<string, RouteCounters>();
  const began = Math.floor(clock.now() / 1_000);
  let second = began;

  const tick = (): number => {
    second = Math.max(second, Math.floor(clock.now() / 1_000));
    return second;
  };
  const countersOf = (pipeline: string, route: string): RouteCounters => {
    const id = JSON.stringify([pipeline, route]);
    const known = counters.get(id) ?? routeCounters(began);
    counters.set(id, known);
    return known;
  };
  const isOf = (pipeline: string, keys: Image): ((row: ChangeRow) => boolean) => {
    const key = keyOf(keys);
    return (row) => key !== undefined && row.pipeline === pipeline && keyOf(row.keys) === key;
  };
  return {
    add: (rows) => {
      if (rows.length === 0) return;
      const now = tick();
      const added = rows.map((row) => {
        countersOf(row.pipeline, row.route).count(now, row.outcome);
        return ring.add(row);
      });
      for (const listener of listeners) listener(added);
    },
    measure: (measures) => {
      const now = tick();
      for (const measure of measures) countersOf(measure.pipeline, measure.route).measure(now, measure);
    },
    page: ring.page,
    ofItem: (pipeline, keys) => ring.all(isOf(pipeline, keys)),
    onRows: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    routes: (known) => {
      const now = tick();
      return known.map(({ pipeline, route }) => ({ pipeline, route, ...countersOf(pipeline, route).now(now) }));
    },
  };
};
