// What a trace says of an item, as words.

import type {
  Conclusion,
  HeldSight,
  ItemTrace,
  QueueSight,
  RouteState,
  StreamChange,
  StreamSight,
} from "@sluice/inspect";
import type { Tone } from "../tone.ts";

/** The tone of each state. */
export const toneOf: Readonly<Record<RouteState, Tone>> = {
  "up to date": "good",
  behind: "warn",
  rejected: "bad",
  differs: "bad",
  unknown: "plain",
};

const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : several}`;

const held: Readonly<Record<HeldSight["state"], string>> = {
  live: "a copy",
  removed: "a tombstone: the item was removed",
  hidden: "a copy behind the copy of another item with the same target key",
  absent: "nothing",
};

/** What a target holds. */
export const heldText = ({ state }: HeldSight): string => held[state];

const differences: Readonly<Record<NonNullable<HeldSight["difference"]>, string>> = {
  missing: "the copy is missing",
  "wrongly-removed": "a tombstone, but the item exists",
  stale: "older than the item",
  different: "differs from the item",
  unexpected: "a copy that the filter or the mapper refuses",
  ghost: "a copy of an item that does not exist",
};

/** How the copy compares with what the pipeline makes of the item now. */
export const comparedText = ({ compared, difference, code }: HeldSight): string => {
  if (compared === "equal") return "as it should be";
  if (compared === "kept") return "kept, as the route keeps copies of removed items";
  if (compared === "rejected")
    return `unknown: the pipeline rejects the item${code === undefined ? "" : ` with ${code}`}`;
  return differences[difference ?? "different"];
};

/** What else is to know of a copy. */
export const heldNotes = ({ isAhead, isSteady }: HeldSight): readonly string[] => [
  ...(isAhead
    ? ["The version is of a later stream, or of no stream: no change of this stream outranks the copy."]
    : []),
  ...(isSteady ? [] : ["The item was changed while the target was read. Look again."]),
];

/** A time without its milliseconds, of which DynamoDB tells none. */
const timeText = (iso: string): string => iso.replace(/\.\d{3}Z$/, "Z");

/** Says which change a version is of. Backfills and repairs have a fraction of microseconds. */
export const versionText = (version: string, changes: readonly StreamChange[]): string => {
  const change = changes.find((one) => one.version === version);
  if (change !== undefined)
    return `of the ${change.kind}${change.at === undefined ? "" : ` of ${timeText(change.at)}`}`;
  const [, own, number = "", micros] = /^(\d{17})-(\d{40})(?:\.(\d{16}))?$/.exec(version) ?? [];
  if (own === undefined) return version === "" ? "none" : "of another program";
  const epoch = changes[0]?.version.slice(0, 17);
  if (epoch !== undefined && own !== epoch) return `of ${own < epoch ? "an earlier" : "a later"} stream`;
  if (micros === undefined) return "of a change that the stream does not show";
  const time = timeText(new Date(Number(micros) / 1_000).toISOString());
  return `of ${/^0+$/.test(number) ? "a backfill" : "a repair"} of ${time}`;
};

/** What a queue holds of the item, and what could not be seen. */
export const queueText = (sight: QueueSight): string =>
  [
    `${counted(sight.deliveries.length, "delivery", "deliveries")} of the item`,
    ...(sight.others > 0 ? [`${counted(sight.others, "other delivery", "other deliveries")}`] : []),
    ...(sight.batches > 0 ? [`${counted(sight.batches, "batch", "batches")} that Lambda gave up on`] : []),
    ...(sight.unsupported > 0 ? [counted(sight.unsupported, "unsupported message")] : []),
    ...(sight.unread > 0 ? [`${counted(sight.unread, "record")} in S3 not read`] : []),
    ...(sight.hidden > 0 ? [`${counted(sight.hidden, "hidden message")}`] : []),
    ...(sight.notReleased > 0 ? [`${counted(sight.notReleased, "message")} visible again in five minutes`] : []),
  ].join(", ");

/** How far the stream was read. */
export const streamText = ({ changes, records, shards, shardsRead, stopped }: StreamSight): string => {
  const early = stopped === undefined ? "" : `; stopped ${stopped}, so changes may be missing`;
  const read = `${shardsRead} of ${counted(shards, "shard")} read to the end, ${counted(records, "record")}`;
  return `${counted(changes.length, "change")} of the item in the last 24 hours; ${read}${early}`;
};

/** Why a question has no answer. */
export const unansweredText = ({ action, reason }: { readonly action: string; readonly reason: string }): string =>
  `unknown: ${reason} (${action})`;

const wordOf: Readonly<Record<RouteState, string>> = {
  "up to date": "up to date",
  behind: "behind",
  rejected: "rejected",
  differs: "different",
  unknown: "unknown",
};

const order: readonly RouteState[] = ["rejected", "differs", "behind", "unknown", "up to date"];

/** One sentence of all targets, for the head of the screen and for screen readers. */
export const summaryText = (conclusions: readonly Conclusion[]): string => {
  const parts = order.flatMap((state) => {
    const count = conclusions.filter((one) => one.state === state).length;
    return count === 0 ? [] : [`${count} ${wordOf[state]}`];
  });
  const [only] = parts;
  if (only === undefined) return "The pipeline has no targets.";
  if (parts.length === 1 && conclusions.every(({ state }) => state === "up to date"))
    return conclusions.length === 1 ? "The target is up to date." : `All ${conclusions.length} targets are up to date.`;
  return `${counted(conclusions.length, "target")}: ${parts.join(", ")}.`;
};

/** Begins a sentence with a capital letter and ends it with a full stop. */
export const asSentence = (text: string): string => {
  const begun = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
};

/** Whether the item was in the table; undefined if this is unknown. */
export const existsIn = ({ item }: Pick<ItemTrace, "item">): boolean | undefined =>
  "value" in item ? item.value.exists : undefined;
