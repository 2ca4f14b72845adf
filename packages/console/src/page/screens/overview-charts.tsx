// Lag and rate of the routes over time.

import { useMemo } from "preact/hooks";
import type { Overview, RouteNow } from "../../api/overview.ts";
import { durationText, rateText } from "../format.ts";
import { Chart, maxSeries } from "../parts/chart.tsx";
import { aligned, highest, ratesOf } from "../series.ts";

/** The routes that are drawn: those with the highest lag, if there are too many, in the order of the modules. */
const drawnRoutes = (routes: readonly RouteNow[]): readonly RouteNow[] => {
  if (routes.length <= maxSeries) return routes;
  const byLag = [...routes].sort((a, b) => highest(b.series.lagMs) - highest(a.series.lagMs));
  const drawn = new Set(byLag.slice(0, maxSeries));
  return routes.filter((route) => drawn.has(route));
};

const namesOf = (routes: readonly RouteNow[]): readonly string[] => {
  const names = routes.map(({ route }) => route);
  return new Set(names).size === names.length ? names : routes.map(({ pipeline, route }) => `${pipeline} ${route}`);
};

/** The charts of all routes. */
export const Charts = ({ now }: { readonly now: Overview }) => {
  const routes = drawnRoutes(now.routes);
  const names = namesOf(routes);
  // The routes follow from the overview.
  const [lag, rate] = useMemo(
    () => [
      aligned(routes.map(({ series }) => ({ ...series, values: series.lagMs }))),
      aligned(routes.map(({ series }) => ({ ...series, values: ratesOf(series) }))),
    ],
    [now],
  );
  return (
    <section class="card" aria-labelledby="charts-title">
      <div class="card-head">
        <h2 id="charts-title">Over time</h2>
        {routes.length < now.routes.length && (
          <span class="muted">
            {routes.length} of {now.routes.length} routes, those with the highest lag
          </span>
        )}
      </div>
      <div class="charts">
        <Chart title="Lag" names={names} data={lag} format={durationText} cursor="overview" />
        <Chart title="Deliveries a second" names={names} data={rate} format={rateText} cursor="overview" />
      </div>
    </section>
  );
};
