// The report of a trace: each source in a line, a timeline, a conclusion for each target, and the commands to run next. The
// words alone tell the states, because the output has no colours.

import type {
  Answer,
  Conclusion,
  HeldSight,
  ItemTrace,
  QueuePart,
  QueueSight,
  StreamChange,
  StreamSight,
  TargetSight,
} from "@sluice/inspect";
import { wrapped } from "../command-line/help.ts";
import { awsWords, sluiceCommand } from "../command-line/pasted-command.ts";
import { plainKey } from "../source-table/item-keys.ts";
import { counted } from "../terminal/format.ts";
import { cut } from "../terminal/plain-text.ts";
import type { TraceCommandOptions } from "./options.ts";

/** A line with a label. Its text is wrapped in a column beside the label. */
type Row = readonly [label: string, text: string];

const maxTextLength = 1_000;

/** Formats rows in two columns. Text that does not fit is continued below itself. */
const columnLines = (rows: readonly Row[], columns: number, indent = 2): string[] => {
  const label = Math.max(...rows.map(([text]) => text.length));
  const left = indent + label + 2;
  return rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrapped(cut(text, maxTextLength), Math.max(20, columns - left));
    return [`${" ".repeat(indent)}${name.padEnd(label)}  ${first}`, ...rest.map((line) => " ".repeat(left) + line)];
  });
};

/** Formats a time without its milliseconds, of which DynamoDB tells none: `2026-01-02T03:04:05Z`. */
const timeText = (iso: string): string => iso.replace(/\.\d{3}Z$/, "Z");

const textOf = <Value>(answer: Answer<Value>, format: (value: Value) => string): string =>
  "value" in answer ? format(answer.value) : `unknown: ${answer.unanswered.reason} (${answer.unanswered.action})`;

const streamText = ({ changes, records, shards, shardsRead, stopped }: StreamSight): string => {
  const read = `${shardsRead} of ${counted(shards, "shard")} read to the end, ${counted(records, "record")}`;
  const early = stopped === undefined ? "" : `; stopped ${stopped}, so changes may be missing`;
  return `${counted(changes.length, "change")} of the item in the last 24 hours; ${read}${early}`;
};

/** Says which change a version is of. Backfills and repairs have a fraction of microseconds. */
const versionText = (version: string, changes: readonly StreamChange[], epoch: string | undefined): string => {
  const change = changes.find((one) => one.version === version);
  if (change !== undefined)
    return `of the ${change.kind}${change.at === undefined ? "" : ` of ${timeText(change.at)}`}`;
  const [, own, number = "", micros] = /^(\d{17})-(\d{40})(?:\.(\d{16}))?$/.exec(version) ?? [];
  if (own === undefined) return version === "" ? "without a version" : "with a version of another program";
  if (epoch !== undefined && own !== epoch) return `of ${own < epoch ? "an earlier" : "a later"} stream`;
  if (micros === undefined) return "of a change that the stream does not show";
  const time = timeText(new Date(Number(micros) / 1_000).toISOString());
  return `of ${/^0+$/.test(number) ? "a backfill" : "a repair"} of ${time}`;
};

const states: { readonly [State in HeldSight["state"]]: string } = {
  live: "a copy",
  removed: "a tombstone",
  hidden: "a copy behind that of another item",
  absent: "nothing",
};

const comparedText = ({ compared, difference, members, code }: HeldSight): string => {
  if (compared === "rejected") return `; the pipeline refuses the item with ${code}`;
  if (compared !== "different")
    return compared === "kept" ? ", as the route keeps copies of removed items" : ", as it should";
  const names = members.length === 0 ? "" : `: ${members.join(", ")}`;
  return `; ${difference}${names}`;
};

/** Returns the epoch of the table's present stream, if a change shows it. */
const epochIn = (changes: readonly StreamChange[]): string | undefined => changes[0]?.version.slice(0, 17);

const targetRow = ({ routes, held }: TargetSight, changes: readonly StreamChange[]): Row => [
  routes.join(", "),
  textOf(held, (sight) => {
    const { state, version } = sight;
    const of = version === undefined ? "" : ` ${versionText(version, changes, epochIn(changes))}`;
    return `holds ${states[state]}${of}${comparedText(sight)}`;
  }),
];

const queueText = ({ deliveries, others, batches, unsupported, unread, hidden, notReleased }: QueueSight): string =>
  [
    `${counted(deliveries.length, "delivery", "deliveries")} of the item`,
    ...(others > 0 ? [`${counted(others, "other")}`] : []),
    ...(batches > 0 ? [`${counted(batches, "batch", "batches")} that Lambda gave up on`] : []),
    ...(unsupported > 0 ? [counted(unsupported, "unsupported message")] : []),
    ...(unread > 0 ? [`${counted(unread, "record")} in S3 not read (--payload-store)`] : []),
    ...(hidden > 0 ? [`${counted(hidden, "hidden message")} that cannot be seen now`] : []),
    ...(notReleased > 0 ? [`${counted(notReleased, "message")} not released, visible again in five minutes`] : []),
  ].join("; ");

const queueRow = ({ kind, name, sight }: QueuePart): Row => [kind, `${name}: ${textOf(sight, queueText)}`];

const logText = ({ logs }: ItemTrace): string =>
  textOf(logs, ({ group, deliveries, otherLines, isComplete, since }) =>
    [
      `${group}: ${counted(deliveries.length, "delivery", "deliveries")} of the item since ${timeText(since)}`,
      ...(otherLines > 0 ? [`${counted(otherLines, "line")} of your own code, not shown`] : []),
      ...(isComplete ? [] : ["not read to the end"]),
    ].join("; "),
  );

const sourceRows = (trace: ItemTrace): Row[] => {
  const { item, stream, targets, queues } = trace;
  const changes = "value" in stream ? stream.value.changes : [];
  const missing = (["retry queue", "dead letters"] as const).filter((kind) => queues.every((one) => one.kind !== kind));
  return [
    ["table", textOf(item, ({ exists }) => (exists ? "has the item" : "does not have the item"))],
    ["stream", textOf(stream, streamText)],
    ...targets.map((target) => targetRow(target, changes)),
    ...queues.map(queueRow),
    ...missing.map((kind): Row => [kind, `not asked (--${kind.replace(" ", "-")})`]),
    ["log", logText(trace)],
  ];
};

/** All events with a time, oldest first. */
const timelineRows = ({ stream, queues, logs }: ItemTrace): Row[] => {
  const changes = "value" in stream ? stream.value.changes : [];
  const waiting = queues.flatMap(({ kind, sight }) =>
    "value" in sight ? sight.value.deliveries.map((one) => ({ kind, ...one })) : [],
  );
  const logged = "value" in logs ? logs.value.deliveries : [];
  const attemptsText = (attempts: number | undefined): string =>
    attempts === undefined ? "" : `, ${counted(attempts, "attempt")}`;
  const rows: Row[] = [
    ...changes.flatMap(({ at, kind, isTtlRemoval }): Row[] =>
      at === undefined ? [] : [[timeText(at), `table: ${kind}${isTtlRemoval ? " by TTL" : ""}`]],
    ),
    ...waiting.map(
      ({ firstFailedAt, route, code, attempts, kind }): Row => [
        timeText(firstFailedAt),
        `${route}: first failed, now ${kind === "retry queue" ? "in the retry queue" : "a dead letter"}, ${code}${attemptsText(attempts)}`,
      ],
    ),
    ...logged.map(
      ({ at, route, outcome, code, attempts }): Row => [
        timeText(at),
        `${route}: ${outcome}${code === undefined ? "" : `, ${code}`}${attemptsText(attempts)} (log)`,
      ],
    ),
  ];
  return rows.sort(([one], [other]) => (one < other ? -1 : Number(one > other)));
};

const conclusionRow = ({ routes, sentence }: Conclusion): Row => [routes.join(", "), sentence];

/** Formats the report for lines of at most `columns` characters. */
export const traceLines = (trace: ItemTrace, next: readonly string[], columns: number): string[] => {
  const timeline = timelineRows(trace);
  return [
    ...wrapped(`item ${plainKey(trace.keys)} of table ${trace.table}, pipeline ${trace.pipeline}`, columns),
    `at ${timeText(trace.at)}`,
    "",
    ...columnLines(sourceRows(trace), columns),
    ...(timeline.length === 0 ? [] : ["", ...columnLines(timeline, columns)]),
    "",
    ...columnLines(trace.conclusions.map(conclusionRow), columns, 0),
    ...(next.length === 0 ? [] : ["", ...next.map((command) => `next: ${command}`)]),
  ];
};

/** Returns the commands that help, each once. */
export const nextCommands = (
  { conclusions }: ItemTrace,
  { module, table, key, aws }: Pick<TraceCommandOptions, "module" | "table" | "key" | "aws">,
): string[] => {
  const commands = conclusions.flatMap(({ state, deadLetter }) => {
    if (deadLetter !== undefined)
      return [sluiceCommand("dead-letters", "show", deadLetter.queueUrl, deadLetter.id, ...awsWords(aws))];
    return state === "differs"
      ? [sluiceCommand("verify", module, "--table", table, "--key", key, "--repair", ...awsWords(aws))]
      : [];
  });
  return [...new Set(commands)];
};
