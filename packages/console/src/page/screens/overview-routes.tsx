// The table of the routes.

import type { About } from "../../api/about.ts";
import type { RowOutcome } from "../../api/changes.ts";
import type { Overview, RouteNow } from "../../api/overview.ts";
import { href } from "../address.ts";
import { countText, durationText, rateText, shortCount } from "../format.ts";
import { outcomes } from "../outcomes.ts";
import { Icon } from "../parts/icon.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import {
  nextSort,
  type RouteSort,
  type SortColumn,
  sortColumns,
  sortOf,
  sortQuery,
  sortRoutes,
} from "../route-sort.ts";
import { address, setQuery } from "../router.ts";
import { ratesOf } from "../series.ts";

interface RoutesProps {
  readonly about: About;
  readonly now: Overview;
}

const isColumn = (text: string): text is SortColumn => Object.hasOwn(sortColumns, text);

const SortHead = ({ sort, column, class: name }: { sort: RouteSort; column: SortColumn; class?: string }) => {
  const isSorted = sort.column === column;
  const direction = sort.isAscending ? "ascending" : "descending";
  return (
    <th scope="col" class={name} aria-sort={isSorted ? direction : undefined}>
      <button type="button" class="sort" onClick={() => setQuery(sortQuery(nextSort(sort, column)))}>
        {sortColumns[column]}
        <span class={isSorted ? "sort-sign" : "sort-sign is-off"}>
          <Icon name={sort.isAscending && isSorted ? "up" : "down"} />
        </span>
      </button>
    </th>
  );
};

const SortSelect = ({ sort }: { readonly sort: RouteSort }) => (
  <label class="sort-select">
    <span>Sort by</span>
    <select
      class="input"
      value={sort.column ?? ""}
      onChange={({ currentTarget: { value } }) =>
        setQuery(sortQuery({ column: isColumn(value) ? value : undefined, isAscending: false }))
      }
    >
      <option value="">order of the module</option>
      {Object.entries(sortColumns).map(([column, title]) => (
        <option key={column} value={column}>
          {title}, highest first
        </option>
      ))}
    </select>
  </label>
);

const Count = ({ route, outcome, isLink }: { route: RouteNow; outcome: RowOutcome; isLink: boolean }) => {
  const count = route.counts[outcome];
  const text = shortCount(count);
  if (count === 0) return <span class="muted">0</span>;
  if (!isLink) return <span class={`count-${outcome}`}>{text}</span>;
  return (
    <a
      class={`count count-${outcome}`}
      href={href("/changes", { pipeline: route.pipeline, route: route.route, outcome })}
      title={`${countText(count)} ${outcome}: show the changes`}
    >
      {text}
    </a>
  );
};

const Pending = ({ pending, pendingAgeMs }: RouteNow) => {
  if (pending === undefined) return <span class="muted">–</span>;
  if (pending === 0) return <span class="muted">0</span>;
  return (
    <>
      {countText(pending)}
      {pendingAgeMs !== undefined && <div class="muted small">for {durationText(pendingAgeMs)}</div>}
    </>
  );
};

const RouteName = ({ route, about, showsPipeline }: { route: RouteNow; about: About; showsPipeline: boolean }) => {
  const details = about.pipelines
    .find(({ name }) => name === route.pipeline)
    ?.routes.find(({ name }) => name === route.route);
  const text = [showsPipeline ? route.pipeline : undefined, details?.sink, details?.writes]
    .filter((part) => part !== undefined)
    .join(" · ");
  return (
    <>
      <div class="clamp" title={route.route}>
        {about.can.changes ? (
          <a href={href("/changes", { pipeline: route.pipeline, route: route.route })}>{route.route}</a>
        ) : (
          route.route
        )}
      </div>
      <div class="muted small truncate" title={text}>
        {text}
      </div>
    </>
  );
};

const ms = (value: number | undefined): string => (value === undefined ? "–" : durationText(value));

const RouteRow = ({ route, about, showsPipeline }: { route: RouteNow; about: About; showsPipeline: boolean }) => (
  <tr>
    <th scope="row" class="route-name">
      <RouteName route={route} about={about} showsPipeline={showsPipeline} />
    </th>
    <td data-label={sortColumns.lag}>
      <div class="spark-cell">
        <Sparkline tone="lag" label={`Lag of ${route.route} over time`} values={route.series.lagMs} />
        <div class="number">
          {ms(route.lagMs)}
          {route.lagP95Ms !== undefined && <div class="muted small">p95 {ms(route.lagP95Ms)}</div>}
        </div>
      </div>
    </td>
    <td data-label={sortColumns.rate}>
      <div class="spark-cell">
        <Sparkline label={`Deliveries of ${route.route} over time`} values={ratesOf(route.series)} />
        <span class="number">{rateText(route.perSecond)}</span>
      </div>
    </td>
    <td class="number" data-label={sortColumns.pending}>
      <div>
        <Pending {...route} />
      </div>
    </td>
    {outcomes.map((outcome) => (
      <td key={outcome} class="number count-cell" data-label={outcome}>
        <Count route={route} outcome={outcome} isLink={about.can.changes} />
      </td>
    ))}
  </tr>
);

/** A row for each route, in the order that the address says. */
export const Routes = ({ about, now }: RoutesProps) => {
  const sort = sortOf(address.value.query);
  const showsPipeline = about.pipelines.length > 1;
  return (
    <section class="card" aria-labelledby="routes-title">
      <div class="card-head">
        <h2 id="routes-title">Routes</h2>
        <SortSelect sort={sort} />
      </div>
      <div class="table-box">
        <table class="table table-cards routes">
          <thead>
            <tr>
              <th scope="col">Route</th>
              <SortHead sort={sort} column="lag" class="number" />
              <SortHead sort={sort} column="rate" class="number" />
              <SortHead sort={sort} column="pending" class="number" />
              {outcomes.map((outcome) => (
                <th key={outcome} scope="col" class="number">
                  <span class={`count-head outcome-${outcome}`}>{outcome}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sortRoutes(now.routes, sort).map((route) => (
              <RouteRow
                key={`${route.pipeline} ${route.route}`}
                route={route}
                about={about}
                showsPipeline={showsPipeline}
              />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
};
