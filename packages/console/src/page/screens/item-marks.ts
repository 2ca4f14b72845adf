// The timeline of an item: one track for the table and one for each route; each change is a mark at its time.

import type { ItemTrace } from "@sluice/inspect";
import type { ChangeRow } from "../../api/changes.ts";

/** A change in the table, or one delivery of it. */
export interface Mark {
  readonly id: string;
  /** Undefined: the table. */
  readonly route: string | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** An outcome, or, in the table, the kind of the change. */
  readonly what: string;
  readonly kind: string | undefined;
  readonly eventId: string | undefined;
  readonly version: string | undefined;
  readonly code: string | undefined;
  readonly attempts: number | undefined;
  readonly ageMs: number | undefined;
  readonly origin: string | undefined;
  readonly isQueued: boolean;
  /** What knows of the delivery. */
  readonly source: "stream" | "console" | "log" | "queue";
}

/** A mark at its place. */
export interface PlacedMark {
  readonly mark: Mark;
  /** Distance from the begin of the track, in pixels. */
  readonly x: number;
}

/** A time on the axis. */
export interface Tick {
  readonly x: number;
  readonly at: number;
}

/** A track. */
export interface Track {
  /** Undefined: the table. */
  readonly route: string | undefined;
  readonly marks: readonly PlacedMark[];
}

/** A timeline, ready to draw. */
export interface Timeline {
  readonly tracks: readonly Track[];
  readonly ticks: readonly Tick[];
  readonly width: number;
  /** Marks that are older, and not drawn. */
  readonly older: number;
}

const noDelivery = { code: undefined, attempts: undefined, ageMs: undefined, origin: undefined, isQueued: false };

const rowMark = (row: ChangeRow): Mark => ({
  id: `row-${row.seq}`,
  route: row.route,
  at: row.at,
  what: row.outcome,
  kind: row.kind,
  eventId: row.eventId,
  version: row.version,
  code: row.code,
  attempts: row.attempts,
  ageMs: row.ageMs,
  origin: row.origin,
  isQueued: row.isQueued === true,
  source: "console",
});

const streamMarks = ({ stream }: ItemTrace): readonly Mark[] =>
  "value" in stream
    ? stream.value.changes.flatMap(({ at, eventId, kind, version, isTtlRemoval }): Mark[] =>
        at === undefined
          ? []
          : [
              {
                ...noDelivery,
                id: `stream-${eventId}`,
                route: undefined,
                at: Date.parse(at),
                what: isTtlRemoval ? `${kind} by TTL` : kind,
                kind,
                eventId,
                version,
                source: "stream",
              },
            ],
      )
    : [];

/** The changes in the table, as far as their deliveries show them: the stream was not read, or keeps 24 hours only. */
const createdMarks = (rows: readonly ChangeRow[], isKnown: (eventId: string) => boolean): readonly Mark[] => {
  const first = new Map<string, Mark>();
  for (const { eventId, kind, ageMs, at, version, origin } of rows) {
    if (eventId === undefined || kind === undefined || ageMs === undefined || origin !== "stream") continue;
    if (first.has(eventId) || isKnown(eventId)) continue;
    first.set(eventId, {
      ...noDelivery,
      id: `created-${eventId}`,
      route: undefined,
      at: at - ageMs,
      what: kind,
      kind,
      eventId,
      version,
      source: "console",
    });
  }
  return [...first.values()];
};

/** Deliveries that only the log shows. */
const logMarks = ({ logs }: ItemTrace): readonly Mark[] =>
  "value" in logs
    ? logs.value.deliveries.map(({ at, eventId, route, outcome, code, attempts }, index) => ({
        ...noDelivery,
        id: `log-${index}`,
        route,
        at: Date.parse(at),
        what: outcome,
        kind: undefined,
        eventId,
        version: undefined,
        code,
        attempts,
        source: "log",
      }))
    : [];

/** Deliveries that wait in a queue. */
const queueMarks = ({ queues }: ItemTrace): readonly Mark[] =>
  queues.flatMap(({ kind: queueKind, sight }) =>
    "value" in sight
      ? sight.value.deliveries.map(
          ({ id, route, code, attempts, firstFailedAt, eventId, version }): Mark => ({
            ...noDelivery,
            id: `queue-${id}`,
            route,
            at: Date.parse(firstFailedAt),
            what: queueKind === "retry queue" ? "retried" : "rejected",
            kind: undefined,
            eventId,
            version,
            code,
            attempts,
            isQueued: true,
            source: "queue",
          }),
        )
      : [],
  );

const deliveryOf = ({ route, eventId }: Mark): string => JSON.stringify([route, eventId]);

/** All marks, oldest first. What the console saw counts before the log, and the log before the queues. */
export const marksOf = (trace: ItemTrace, rows: readonly ChangeRow[]): readonly Mark[] => {
  const table = streamMarks(trace);
  const inStream = new Set(table.map(({ eventId }) => eventId));
  const seen = rows.map(rowMark);
  const known = new Set(seen.map(deliveryOf));
  const logged = logMarks(trace).filter((mark) => !known.has(deliveryOf(mark)));
  for (const mark of logged) known.add(deliveryOf(mark));
  const queued = queueMarks(trace).filter((mark) => !known.has(deliveryOf(mark)));
  const created = createdMarks(rows, (eventId) => inStream.has(eventId));
  return [...table, ...created, ...seen, ...logged, ...queued]
    .filter(({ at }) => Number.isFinite(at))
    .sort((one, other) => one.at - other.at || Number(one.route !== undefined) - Number(other.route !== undefined));
};

/** Width of a mark with the room beside it. */
const markWidth = 30;
const leftMargin = 18;
const tickWidth = 76;

/** Long times without a change take little room: the distance grows with the logarithm of the time. */
const gapOf = (ms: number): number => (ms < 50 ? 0 : Math.min(120, 9 * Math.log2(1 + ms / 100)));

const place = (marks: readonly Mark[]): readonly PlacedMark[] => {
  const lastX = new Map<string | undefined, number>();
  let x = leftMargin;
  let before: number | undefined;
  return marks.map((mark) => {
    const own = lastX.get(mark.route);
    x = Math.max(before === undefined ? x : x + gapOf(mark.at - before), own === undefined ? x : own + markWidth);
    before = mark.at;
    lastX.set(mark.route, x);
    return { mark, x };
  });
};

const ticksOf = (placed: readonly PlacedMark[]): readonly Tick[] => {
  const ticks: Tick[] = [];
  for (const { mark, x } of placed) {
    const last = ticks.at(-1);
    if (last === undefined || x - last.x >= tickWidth) ticks.push({ x, at: mark.at });
  }
  return ticks;
};

/** Places the newest marks on tracks. The tracks are the table, the pipeline's routes, and other routes with marks. */
export const timelineOf = (marks: readonly Mark[], routes: readonly string[], most = 200): Timeline => {
  const shown = marks.slice(-most);
  const placed = place(shown);
  const others = shown.flatMap(({ route }) => (route === undefined || routes.includes(route) ? [] : [route]));
  const all: readonly (string | undefined)[] = [undefined, ...routes, ...new Set(others)];
  return {
    tracks: all.map((route) => ({ route, marks: placed.filter(({ mark }) => mark.route === route) })),
    ticks: ticksOf(placed),
    width: (placed.at(-1)?.x ?? 0) + tickWidth,
    older: marks.length - shown.length,
  };
};

/** The mark that a key of the keyboard leads to: along a track, or to the nearest mark of the next track. */
export const neighbourOf = ({ tracks }: Timeline, id: string, key: string): Mark | undefined => {
  const row = tracks.findIndex(({ marks }) => marks.some(({ mark }) => mark.id === id));
  const track = tracks[row]?.marks ?? [];
  const index = track.findIndex(({ mark }) => mark.id === id);
  const own = track[index];
  if (own === undefined) return undefined;
  const ends: Readonly<Record<string, number>> = {
    ArrowLeft: index - 1,
    ArrowRight: index + 1,
    Home: 0,
    End: track.length - 1,
  };
  const along = ends[key];
  if (along !== undefined) return track[along]?.mark;
  const step = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
  for (let next = row + step; step !== 0 && next >= 0 && next < tracks.length; next += step) {
    const marks = tracks[next]?.marks ?? [];
    const nearest = marks.reduce<PlacedMark | undefined>(
      (best, one) => (best === undefined || Math.abs(one.x - own.x) < Math.abs(best.x - own.x) ? one : best),
      undefined,
    );
    if (nearest !== undefined) return nearest.mark;
  }
  return undefined;
};
