// A feed that holds all rows, until the console's own feed is there.

import type { ChangeFeed, ChangeFilter, ChangeRow, RouteMeasure, RouteNow, RowOutcome } from "../../src/index.ts";

const held = 10_000;
const stepMs = 10_000;
const steps = 90;

const keyOf = (row: ChangeRow): string =>
  Object.values(row.keys ?? {})
    .map((value) => Object.values(value).join())
    .join(",");

const isWanted = (row: ChangeRow, filter: ChangeFilter): boolean =>
  (filter.pipeline ?? row.pipeline) === row.pipeline &&
  (filter.route ?? row.route) === row.route &&
  (filter.outcome ?? row.outcome) === row.outcome &&
  (filter.code ?? row.code) === row.code &&
  (filter.kind ?? row.kind) === row.kind &&
  keyOf(row).includes(filter.key ?? "");

const isSettled = (outcome: RowOutcome): boolean => outcome !== "rejected" && outcome !== "retried";

/** A feed that holds the last 10,000 rows. */
export const createFakeFeed = (now: () => number): ChangeFeed => {
  let rows: ChangeRow[] = [];
  let seq = 0;
  const measures = new Map<string, RouteMeasure>();
  const listeners = new Set<(rows: readonly ChangeRow[]) => void>();

  const routeNow = ({ pipeline, route }: { readonly pipeline: string; readonly route: string }): RouteNow => {
    const own = rows.filter((row) => row.pipeline === pipeline && row.route === route);
    const from = Math.floor(now() / stepMs) * stepMs - steps * stepMs;
    const counts = { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
    const settled = new Array<number>(steps).fill(0);
    const failed = new Array<number>(steps).fill(0);
    for (const { at, outcome } of own) {
      counts[outcome]++;
      const step = Math.floor((at - from) / stepMs);
      const list = isSettled(outcome) ? settled : failed;
      if (step >= 0 && step < steps) list[step] = (list[step] ?? 0) + 1;
    }
    const measure = measures.get(`${pipeline}\n${route}`);
    return {
      pipeline,
      route,
      lagMs: measure?.lagMs,
      lagP95Ms: measure?.lagMs === undefined ? undefined : measure.lagMs * 2,
      pending: measure?.pending,
      pendingAgeMs: measure?.pendingAgeMs,
      counts,
      perSecond: own.filter((row) => row.at > now() - 10_000).length / 10,
      series: { from, stepMs, settled, failed, lagMs: settled.map((count) => (count === 0 ? null : 100 + count)) },
    };
  };

  return {
    add: (added) => {
      const numbered = added.map((row) => ({ ...row, seq: ++seq }));
      rows = [...rows, ...numbered].slice(-held);
      for (const listener of listeners) listener(numbered);
    },
    measure: (added) => {
      for (const measure of added) measures.set(`${measure.pipeline}\n${measure.route}`, measure);
    },
    page: (filter, before, limit) => {
      const matching = rows.filter((row) => row.seq < (before ?? Infinity) && isWanted(row, filter)).reverse();
      return { rows: matching.slice(0, limit), hasMore: matching.length > limit };
    },
    ofItem: (pipeline, keys) =>
      rows.filter((row) => row.pipeline === pipeline && JSON.stringify(row.keys) === JSON.stringify(keys)),
    onRows: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    routes: (known) => known.map(routeNow),
  };
};
