// The timeline of an item, drawn: the table and the routes below each other, each change a mark at its time.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { countText, durationText } from "../format.ts";
import { Ago } from "../parts/ago.tsx";
import { CopyButton } from "../parts/copy.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { Outcome } from "../parts/outcome.tsx";
import "./item-timeline.css";
import {
  type Mark,
  neighbourOf,
  type PlacedMark,
  type Tick,
  type Timeline,
  type Track,
  timelineOf,
} from "./item-marks.ts";

const icons: Readonly<Record<string, IconName>> = {
  delivered: "delivered",
  superseded: "superseded",
  filtered: "filtered",
  rejected: "rejected",
  "dead letter": "rejected",
  retried: "retried",
};

const signs: Readonly<Record<string, string>> = { insert: "+", modify: "~", remove: "−" };

const isRejected = (what: string): boolean => what === "rejected" || what === "dead letter";

const toneOf = ({ route, what }: Mark): string =>
  route === undefined ? "table" : isRejected(what) ? "rejected" : what;

const timeText = (at: number): string => new Date(at).toLocaleTimeString("en-GB");

const labelOf = ({ route, what, kind, at, ageMs, code }: Mark): string =>
  [
    route === undefined ? `${what} in the table` : `${kind ?? "change"} ${what} in ${route}`,
    ...(code === undefined ? [] : [code]),
    ...(ageMs === undefined ? [] : [`${durationText(ageMs)} after the change`]),
    timeText(at),
  ].join(", ");

interface MarkButtonProps {
  readonly placed: PlacedMark;
  readonly chosen: Mark | undefined;
  readonly isStop: boolean;
  readonly onChoose: (mark: Mark) => void;
}

const MarkButton = ({ placed: { mark, x }, chosen, isStop, onChoose }: MarkButtonProps) => {
  const isSame = chosen?.eventId !== undefined && chosen.eventId === mark.eventId;
  const icon = icons[mark.what];
  return (
    <li class="mark-place" style={{ left: `${x}px` }}>
      <button
        type="button"
        class={`mark mark-${toneOf(mark)}${isSame ? " is-same" : ""}`}
        data-mark={mark.id}
        aria-label={labelOf(mark)}
        title={labelOf(mark)}
        aria-pressed={chosen?.id === mark.id}
        tabIndex={isStop ? 0 : -1}
        onClick={() => onChoose(mark)}
      >
        {mark.route !== undefined && icon !== undefined ? <Icon name={icon} /> : (signs[mark.kind ?? ""] ?? "•")}
      </button>
    </li>
  );
};

const TrackRow = ({
  track,
  chosen,
  stop,
  onChoose,
}: Omit<MarkButtonProps, "placed" | "isStop"> & {
  readonly track: Track;
  readonly stop: string | undefined;
}) => (
  <ol class="track" aria-label={track.route ?? "table"}>
    {track.marks.map((placed) => (
      <MarkButton
        key={placed.mark.id}
        placed={placed}
        chosen={chosen}
        isStop={placed.mark.id === stop}
        onChoose={onChoose}
      />
    ))}
  </ol>
);

const Axis = ({ ticks }: { readonly ticks: readonly Tick[] }) => {
  const isOneDay = new Set(ticks.map(({ at }) => new Date(at).toDateString())).size < 2;
  return (
    <div class="axis" aria-hidden="true">
      {ticks.map(({ x, at }) => (
        <span key={x} class="tick" style={{ left: `${x}px` }}>
          {isOneDay ? "" : `${new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" })} `}
          {timeText(at)}
        </span>
      ))}
    </div>
  );
};

const sources: Readonly<Record<Mark["source"], string>> = {
  stream: "the table's stream",
  console: "this console",
  log: "the function's log",
  queue: "a queue",
};

const MarkDetails = ({ mark }: { readonly mark: Mark }) => (
  <dl class="facts mark-details">
    <div>
      <dt>{mark.route ?? "table"}</dt>
      <dd>{mark.route === undefined ? mark.what : <Outcome outcome={mark.what} code={mark.code} />}</dd>
    </div>
    <div>
      <dt>at</dt>
      <dd>
        {new Date(mark.at).toLocaleString("en-GB")} (<Ago at={mark.at} />)
      </dd>
    </div>
    {mark.ageMs !== undefined && (
      <div>
        <dt>after the change</dt>
        <dd>{durationText(mark.ageMs)}</dd>
      </div>
    )}
    {mark.route !== undefined && mark.kind !== undefined && (
      <div>
        <dt>change</dt>
        <dd>{mark.kind}</dd>
      </div>
    )}
    {mark.attempts !== undefined && (
      <div>
        <dt>attempts</dt>
        <dd>{countText(mark.attempts)}</dd>
      </div>
    )}
    {mark.origin !== undefined && (
      <div>
        <dt>origin</dt>
        <dd>
          {mark.origin}
          {mark.isQueued ? ", from a queue" : ""}
        </dd>
      </div>
    )}
    {mark.eventId !== undefined && (
      <div>
        <dt>event ID</dt>
        <dd class="with-copy">
          <code class="truncate">{mark.eventId}</code>
          <CopyButton text={mark.eventId} label="Copy event ID" />
        </dd>
      </div>
    )}
    <div>
      <dt>known from</dt>
      <dd>{sources[mark.source]}</dd>
    </div>
  </dl>
);

const focusMark = (box: HTMLElement | null, id: string): void => {
  const mark = box?.querySelector<HTMLElement>(`[data-mark="${CSS.escape(id)}"]`);
  mark?.focus();
  mark?.scrollIntoView({ block: "nearest", inline: "nearest" });
};

const olderText = ({ older }: Timeline): string =>
  older === 0 ? "" : ` ${countText(older)} older ${older === 1 ? "mark is" : "marks are"} not shown.`;

/** The timeline. The arrow keys go from mark to mark. */
export const ItemTimeline = ({
  marks,
  routes,
}: {
  readonly marks: readonly Mark[];
  readonly routes: readonly string[];
}) => {
  const timeline = useMemo(() => timelineOf(marks, routes), [marks, routes]);
  const [chosenId, setChosen] = useState<string>();
  const box = useRef<HTMLDivElement>(null);
  const chosen = marks.find(({ id }) => id === chosenId);
  const stop = chosen?.id ?? marks.at(-1)?.id;
  const newest = marks.at(-1)?.id;
  useEffect(() => {
    box.current?.scrollTo({ left: box.current.scrollWidth });
  }, [newest === undefined]);
  const move = (event: KeyboardEvent): void => {
    const id = event.target instanceof Element ? event.target.getAttribute("data-mark") : null;
    const next = id === null ? undefined : neighbourOf(timeline, id, event.key);
    if (next === undefined) return;
    event.preventDefault();
    setChosen(next.id);
    focusMark(box.current, next.id);
  };
  if (marks.length === 0)
    return <p class="muted">No change of this item was seen: not in the stream, and not by this console.</p>;
  return (
    <div class="timeline">
      <div class="track-names" aria-hidden="true">
        {timeline.tracks.map(({ route }) => (
          <span key={route ?? ""} class="track-name truncate" title={route ?? "table"}>
            {route ?? <em>table</em>}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the marks inside are the controls; the arrow keys move between them. */}
      <div class="tracks" ref={box} onKeyDown={move}>
        <div class="tracks-inner" style={{ width: `${timeline.width}px` }}>
          {timeline.tracks.map((track) => (
            <TrackRow
              key={track.route ?? ""}
              track={track}
              chosen={chosen}
              stop={stop}
              onChoose={({ id }) => setChosen(id)}
            />
          ))}
          <Axis ticks={timeline.ticks} />
        </div>
      </div>
      <div class="timeline-foot" aria-live="polite">
        {chosen === undefined ? (
          <p class="muted">
            Choose a mark to see its delivery; the arrow keys go from mark to mark.{olderText(timeline)}
          </p>
        ) : (
          <MarkDetails mark={chosen} />
        )}
      </div>
    </div>
  );
};
