// Four numbers that say how all pipelines are.

import type { ComponentChildren } from "preact";
import type { Overview } from "../../api/overview.ts";
import { countText, durationText, rateText } from "../format.ts";
import { highest } from "../series.ts";

interface TileProps {
  readonly label: string;
  readonly value: string;
  readonly tone?: "plain" | "bad";
  readonly children?: ComponentChildren;
}

const Tile = ({ label, value, tone = "plain", children }: TileProps) => (
  <div class={`tile tile-${tone}`}>
    <dt class="tile-label">{label}</dt>
    <dd class="tile-value">{value}</dd>
    <dd class="tile-text">{children}</dd>
  </div>
);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const slowest = ({ routes }: Overview) =>
  routes.reduce<{ name: string; lagMs: number } | undefined>(
    (worst, { route, lagMs }) => (lagMs !== undefined && lagMs > (worst?.lagMs ?? -1) ? { name: route, lagMs } : worst),
    undefined,
  );

/** The tiles. */
export const Tiles = ({ now }: { readonly now: Overview }) => {
  const { routes, queues } = now;
  const worst = slowest(now);
  const pending = sum(routes.map((route) => route.pending ?? 0));
  const oldest = highest(routes.map((route) => ((route.pending ?? 0) > 0 ? (route.pendingAgeMs ?? null) : null)));
  const letters = sum(queues.map((queue) => (queue.kind === "dead letters" ? queue.visible : 0)));
  const failed = sum(routes.map(({ counts }) => counts.rejected));
  return (
    <dl class="tiles">
      <Tile label="Deliveries" value={rateText(sum(routes.map((route) => route.perSecond)))}>
        {countText(sum(routes.flatMap(({ counts }) => Object.values(counts))))} in total
      </Tile>
      <Tile label="Highest lag" value={worst === undefined ? "–" : durationText(worst.lagMs)}>
        <span title={worst?.name}>{worst?.name ?? "no report yet"}</span>
      </Tile>
      <Tile label="Pending" value={countText(pending)}>
        {pending > 0 ? `the oldest for ${durationText(oldest)}` : "no item waits for a retry"}
      </Tile>
      <Tile label="Dead letters" value={countText(letters)} tone={letters > 0 ? "bad" : "plain"}>
        {letters > 0 ? <a href="/dead-letters">Look at them</a> : `${countText(failed)} rejected`}
      </Tile>
    </dl>
  );
};
