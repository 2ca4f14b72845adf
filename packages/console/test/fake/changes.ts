// Changes of the fake host.

import type { ChangeRow, PipelineAbout, RouteMeasure, RowOutcome } from "../../src/index.ts";
import { type FakeData, fakeKeys } from "./places.ts";
import type { FakeRandom } from "./random.ts";

/** A row without a number. */
export type NewRow = Omit<ChangeRow, "seq">;

const outcomes: readonly RowOutcome[] = [
  ...Array.from({ length: 14 }, (): RowOutcome => "delivered"),
  "superseded",
  "superseded",
  "filtered",
  "filtered",
  "rejected",
  "retried",
];

/** Codes by outcome. */
const codes: Partial<Record<RowOutcome, readonly string[]>> = {
  rejected: ["MAPPING_FAILED", "SINK_REJECTED", "SINK_TOO_LARGE"],
  retried: ["SINK_UNAVAILABLE", "SINK_THROTTLED", "SINK_TIMEOUT"],
};

const kinds = ["insert", "modify", "modify", "remove"] as const;

const versionOf = (number: number): string => `00000001764000000-${String(number).padStart(40, "0")}`;

/** Makes a change: one row for each route of a pipeline. */
export const fakeChange = (
  { data, random, pipelines }: { data: FakeData; random: FakeRandom; pipelines: readonly PipelineAbout[] },
  number: number,
  at: number,
): readonly NewRow[] => {
  const pipeline = random.pick(pipelines);
  const keys = fakeKeys(data, pipeline, random.integer(data === "much" ? 2_000 : 12));
  const kind = random.pick(kinds);
  const origin = random.pick(["stream", "stream", "stream", "stream", "retry", "redrive", "backfill"]);
  return pipeline.routes.map(({ name: route }) => {
    const outcome = random.pick(outcomes);
    const codesOfOutcome = codes[outcome];
    return {
      at,
      pipeline: pipeline.name,
      route,
      origin,
      eventId: `event-${number}`,
      keys,
      kind,
      version: versionOf(number),
      outcome,
      ...(codesOfOutcome === undefined ? {} : { code: random.pick(codesOfOutcome) }),
      attempts: outcome === "retried" ? 3 : 1,
      ...(outcome === "retried" ? { isQueued: true as const } : {}),
      ageMs: 80 + random.integer(900),
    };
  });
};

/** A record that could not be decoded: nothing of it is known. */
export const undecodedRow = (pipeline: PipelineAbout, at: number): NewRow => ({
  at,
  pipeline: pipeline.name,
  route: pipeline.routes[0]?.name ?? "",
  origin: "stream",
  eventId: undefined,
  keys: undefined,
  kind: undefined,
  version: undefined,
  outcome: "rejected",
  code: "RECORD_MALFORMED",
  attempts: 1,
});

/** What the routes report at a time. */
export const fakeMeasures = (pipelines: readonly PipelineAbout[], random: FakeRandom, at: number): RouteMeasure[] =>
  pipelines.flatMap(({ name: pipeline, routes }) =>
    routes.map(({ name: route }) => ({
      pipeline,
      route,
      at,
      lagMs: 100 + random.integer(1_500),
      pending: random.integer(3),
      pendingAgeMs: random.integer(40_000),
    })),
  );
