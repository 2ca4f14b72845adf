// What must be true before a run starts. Why: docs/decisions/0062-runs-that-can-be-resumed.md.

import { streamEpoch } from "@sluice/core/envelope";
import { epochOf } from "../record/records.ts";
import { resumableDays } from "../run/run-state.ts";
import type { ExportFacts, LiveFacts, MappingFacts, RunFacts } from "./facts.ts";

/** Names of the checks, for users who know better. */
export const checkNames = ["stream", "live", "export", "sample", "ahead"] as const;

/** Name of a check. */
export type CheckName = (typeof checkNames)[number];

/** A reason not to start a run: what was found, and what to do. */
export interface Refusal {
  readonly check: CheckName;
  readonly message: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A mapping that starts at LATEST may miss the changes of its first minutes. */
const settledMs = hourMs;

const timeText = (ms: number): string => new Date(ms).toISOString();

const enabling =
  "aws dynamodb update-table --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES";

const streamFault = ({ table }: RunFacts): string | undefined => {
  const { name, streamArn, streamViewType } = table;
  if (streamArn === undefined || streamViewType === undefined) {
    const found = `the table ${name} has no ${streamArn === undefined ? "" : "enabled "}stream, so changes during the run would be lost`;
    return `${found}; enable one with the new images (${enabling} --table-name ${name}), and give it to the pipeline's function`;
  }
  if (streamViewType === "NEW_IMAGE" || streamViewType === "NEW_AND_OLD_IMAGES") return undefined;
  return `the stream of the table ${name} has ${streamViewType}; expected NEW_IMAGE or NEW_AND_OLD_IMAGES: disable the stream, and enable it with another view type`;
};

const known = "or, if you know that a function reads the stream, --no-check live";

const isEnabled = ({ state }: MappingFacts): boolean => state === "Enabled" || state === "Updating";

/** Why a mapping does not bring every change from now on; undefined if it does. */
const mappingFault = (mapping: MappingFacts, now: number): string | undefined => {
  const { functionName, state, startingPosition, lastModifiedMs } = mapping;
  const subject = `the event source mapping of the function ${functionName}`;
  if (!isEnabled(mapping)) {
    const remedy = state === "Creating" || state === "Enabling" ? "wait until it is enabled" : "enable it first";
    return `${subject} is ${state}; ${remedy}, ${known}`;
  }
  if (startingPosition !== "LATEST") return undefined;
  if (lastModifiedMs !== undefined && now - lastModifiedMs > settledMs) return undefined;
  const since = lastModifiedMs === undefined ? "" : `, and was changed at ${timeText(lastModifiedMs)}`;
  return `${subject} starts at LATEST${since}: it may miss the changes of its first minutes; create it with TRIM_HORIZON, or wait for an hour, ${known}`;
};

/** The best mapping is the one that is without fault; if all have one, the first one's fault is the answer. */
const liveFault = ({ live, now, table }: RunFacts): string | undefined => {
  if (live === undefined || live.kind === "local") return undefined;
  if (live.kind === "unknown") return `whether a function reads the stream cannot be asked: ${live.reason}; ${known}`;
  const faults = live.mappings.map((mapping) => mappingFault(mapping, now));
  if (faults.includes(undefined)) return undefined;
  const [first] = faults;
  if (first !== undefined) return first;
  const who = live.functionName === undefined ? "no function reads" : `the function ${live.functionName} does not read`;
  return `${who} the stream ${table.streamArn}, so changes during the run would be lost; create its event source mapping with TRIM_HORIZON first, ${known}`;
};

/** Returns the creation time of a stream, from the label in its ARN. */
const streamTimeMs = (streamArn: string): number => {
  const [, date, time] = /^(\d{8})(\d{9})$/.exec(streamEpoch(streamArn)) ?? [];
  const part = (text = "", from: number, to: number): string => text.slice(from, to);
  const day = `${part(date, 0, 4)}-${part(date, 4, 6)}-${part(date, 6, 8)}`;
  return Date.parse(`${day}T${part(time, 0, 2)}:${part(time, 2, 4)}:${part(time, 4, 6)}.${part(time, 6, 9)}Z`);
};

/** Lambda's latest change of a mapping that is without fault. */
const mappedSinceMs = (live: LiveFacts | undefined, now: number): number | undefined => {
  if (live?.kind !== "mappings") return undefined;
  const times = live.mappings
    .filter((mapping) => mappingFault(mapping, now) === undefined)
    .flatMap(({ lastModifiedMs }) => lastModifiedMs ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
};

const exportFault = ({ table, live, now }: RunFacts, { exportTimeMs }: ExportFacts): string | undefined => {
  const at = timeText(exportTimeMs);
  const streamMs = streamTimeMs(table.streamArn ?? "");
  if (exportTimeMs < streamMs) {
    return `the export is of ${at}, before the table's stream began at ${timeText(streamMs)}: the changes between are in neither; make a new export, or copy the table`;
  }
  if (now - exportTimeMs > resumableDays * dayMs) {
    return `the export is of ${at}, more than ${resumableDays} days ago: targets forget removed items after some weeks, and would get them back; make a new export, or, if no target was ever purged, --no-check export`;
  }
  const sinceMs = mappedSinceMs(live, now);
  if (sinceMs === undefined || exportTimeMs >= sinceMs - dayMs) return undefined;
  return `the export is of ${at}, more than 24 hours before the function's event source mapping was created or last changed at ${timeText(sinceMs)}; make a new export, or, if the mapping has been enabled since ${at}, --no-check export`;
};

const sampleFault = ({ sample }: RunFacts): string | undefined => {
  if (sample?.example === undefined || sample.failures < sample.records) return undefined;
  const { code, message, route } = sample.example;
  const where = route === undefined ? "" : ` at route ${route}`;
  return `each of the first ${sample.records} items that a route takes would fail${where}, with ${code}: ${message}; mend the cause, or start with --no-check sample`;
};

const aheadFault = ({ ahead }: RunFacts): string | undefined => {
  const [first] = ahead;
  if (first === undefined) return undefined;
  const found = `the target of route ${first.route} holds changes of a later stream, of ${epochOf(first.version)}`;
  return `${found}: it was filled from another table, or this table was replaced; nothing older can be written there: expected the table of that stream, or a new target, or --no-check ahead`;
};

const faults: { readonly [check in CheckName]: (facts: RunFacts) => string | undefined } = {
  stream: streamFault,
  live: liveFault,
  export: (facts) => facts.exported && exportFault(facts, facts.exported),
  sample: sampleFault,
  ahead: aheadFault,
};

/**
 * Returns the reasons not to start a run; none if it may start. Checks in `skipped` are left out: the user knows better.
 * Without a stream's ARN no check can be left out, because the records need it.
 */
export const refusals = (facts: RunFacts, skipped: readonly CheckName[] = []): readonly Refusal[] => {
  const fault = faults.stream(facts);
  if (facts.table.streamArn === undefined) return [{ check: "stream", message: fault ?? "" }];
  return checkNames.flatMap((check) => {
    if (skipped.includes(check)) return [];
    const message = faults[check](facts);
    return message === undefined ? [] : [{ check, message }];
  });
};
