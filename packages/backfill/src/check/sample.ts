// Reads the first records of a source, and asks the pipeline and its targets about them. Writes nothing.

import type { MessageOutcome, PipelineTarget, StreamRecord } from "@sluice/core/envelope";
import type { WriteContext } from "@sluice/core/sink-kit";
import { epochOf, isAhead } from "../record/records.ts";
import type { Invoke } from "../record/task.ts";
import { checkedOutcomes } from "../run/answer.ts";
import type { ItemSource } from "../source/source.ts";
import type { AheadFacts, SampleFacts } from "./facts.ts";

const maxRecords = 100;

/** Pages of this many units are read at most, because a unit may be empty. */
const maxUnits = 8;

/** Returns the first records of a source: at most 100. It costs a page of a few units. */
export const sampleRecords = async (source: ItemSource, signal: AbortSignal): Promise<readonly StreamRecord[]> => {
  const reading = new AbortController();
  const either = AbortSignal.any([signal, reading.signal]);
  try {
    for (const unit of (await source.units()).slice(0, maxUnits)) {
      for await (const { records } of source.pages(unit, undefined, either)) {
        if (records.length > 0) return records.slice(0, maxRecords);
        break;
      }
    }
    return [];
  } finally {
    reading.abort();
  }
};

const isFailure = ({ outcome }: MessageOutcome): boolean => outcome === "rejected" || outcome === "retried";

/** The failure whose code is most frequent. */
const mostFrequent = (failures: readonly MessageOutcome[]): MessageOutcome | undefined => {
  const counts = new Map<string | undefined, number>();
  for (const { code } of failures) counts.set(code, (counts.get(code) ?? 0) + 1);
  const [code] = [...counts].sort(([, one], [, other]) => other - one)[0] ?? [];
  return failures.find((failure) => failure.code === code);
};

/**
 * Asks the pipeline for the outcomes that records would have.
 * @throws {ConfigError} when the pipeline has no such route, or when a target is the table itself
 * @throws {FunctionBrokenError} when the answer is not that of a pipeline
 */
export const dryRunSample = async (
  records: readonly StreamRecord[],
  invoke: Invoke,
  routes: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<SampleFacts> => {
  const sluice = { task: "backfill", dryRun: true, ...(routes !== undefined && { routes }) } as const;
  const outcomes = checkedOutcomes(await invoke({ sluice, Records: records }, signal), records.length);
  const failures = outcomes.filter(isFailure);
  const taken = outcomes.filter(({ outcome }) => outcome !== "filtered");
  const { code = "UNKNOWN", message = "", route } = mostFrequent(failures) ?? {};
  const example = failures.length === 0 ? undefined : { code, message, route };
  return { records: taken.length, failures: failures.length, example };
};

const aheadIn = async (
  { routes, sink, expect }: PipelineTarget,
  records: readonly StreamRecord[],
  context: WriteContext,
): Promise<AheadFacts[]> => {
  if (sink.read === undefined) return [];
  const deliveries = records.map((record) => expect(record).delivery);
  const held = await sink.read(deliveries, context);
  // The epoch of a version may be later than the stream, if the pipeline's option "source" has a time.
  const epochAt = (index: number): string => epochOf(deliveries[index]?.change.version ?? "");
  const ahead = held.find((copy, index) => isAhead({ held: copy?.version, epoch: epochAt(index), now: "" }));
  return ahead === undefined ? [] : [{ route: routes[0] ?? sink.name, version: ahead.version }];
};

/** Returns the targets that hold versions of a later stream than the records'. Targets that cannot be read are left out. */
export const aheadTargets = async (
  targets: readonly PipelineTarget[],
  records: readonly StreamRecord[],
  context: WriteContext,
): Promise<readonly AheadFacts[]> => {
  if (records.length === 0) return [];
  const found = await Promise.all(targets.map((target) => aheadIn(target, records, context)));
  return found.flat();
};
