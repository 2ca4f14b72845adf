// Dead letters of the fake host.

import type { DeadLetterResult, DeadLetterRow, DeadLetterView, PipelineAbout, QueueAbout } from "../../src/index.ts";
import { canary, fakeItem } from "./items.ts";
import { type FakeData, fakeKeys } from "./places.ts";
import type { FakeRandom } from "./random.ts";

const reasons: readonly (readonly [code: string, reason: string])[] = [
  ["MAPPING_FAILED", "The mapper threw TypeError: Cannot read properties of undefined (reading …)"],
  ["SINK_REJECTED", "null value in column … violates not-null constraint"],
  ["SINK_REJECTED", "invalid input syntax for type timestamp with time zone: …"],
  ["SINK_TOO_LARGE", "The message has … bytes; the target accepts 262,144"],
  ["RECORD_INCOMPLETE", "The record has no new image"],
  ["SINK_GONE", "The endpoint answered 410"],
  ["SINK_REFERENCE_MISSING", "insert or update on table … violates foreign key constraint …"],
  ["RECORD_EXPIRED", "The record is older than 24 hours"],
  ["MAPPING_FAILED", "expected a number in total, found a text"],
  ["SINK_DENIED", "permission denied for table …"],
];

const counts: Record<FakeData, number> = { none: 0, little: 3, much: 10_000 };

/** The dead letters for so much data: 40 groups of a route and a reason if there is much. */
export const fakeDeadLetters = (
  data: FakeData,
  random: FakeRandom,
  now: number,
  { pipelines, queues }: { pipelines: readonly PipelineAbout[]; queues: readonly QueueAbout[] },
): readonly DeadLetterRow[] => {
  const [pipeline] = pipelines;
  const queue = queues.find((entry) => entry.pipeline === pipeline?.name && entry.kind === "dead letters");
  if (pipeline === undefined || queue === undefined) return [];
  return Array.from({ length: counts[data] }, (_, number) => {
    const group = data === "much" ? number % 40 : Math.min(number, 1);
    const route = pipeline.routes[group % pipeline.routes.length]?.name ?? "";
    const [code, reason] = reasons[Math.floor(group / 4) % reasons.length] ?? ["SINK_REJECTED", "unknown"];
    return {
      queueUrl: queue.url,
      id: `dl-${String(number).padStart(5, "0")}`,
      pipeline: pipeline.name,
      route,
      code,
      reason,
      attempts: 1 + random.integer(5),
      firstFailedAt: new Date(now - (counts[data] - number) * 61_000).toISOString(),
      keys: code === "RECORD_INCOMPLETE" ? undefined : fakeKeys(data, pipeline, number),
      eventId: `event-${number}`,
      isStored: number % 50 === 49,
    };
  });
};

/** A dead letter with its values. */
export const fakeDeadLetterView = (row: DeadLetterRow): DeadLetterView => {
  const item = row.keys === undefined ? undefined : fakeItem(row.keys);
  return {
    row,
    message: `${row.reason}: ${canary}value in the message`,
    newImage: item,
    oldImage: item,
    envelope: JSON.stringify({ sluice: 1, route: row.route, code: row.code, record: { NewImage: item } }, undefined, 2),
  };
};

/** What happens to a dead letter that is sent again: those of a mapper fail again, until they are edited. */
export const fakeResult = (row: DeadLetterRow, isEdited: boolean): DeadLetterResult => {
  const isAgain = row.code === "MAPPING_FAILED" && !isEdited;
  return {
    id: row.id,
    route: row.route,
    outcome: isAgain ? "rejected" : "delivered",
    ...(isAgain ? { code: row.code, reason: row.reason } : {}),
    stays: isAgain,
  };
};
