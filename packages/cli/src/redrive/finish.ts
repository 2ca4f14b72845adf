// Finishes messages that have a result: counts them, and removes or releases them.

import { outcomesBySeverity } from "@sluice/core/envelope";
import type { RedriveResult } from "@sluice/redrive";
import type { MessageUnit } from "../message-source/receive-units.ts";
import { removeUnits } from "../message-source/remove-units.ts";
import { countedOutcome } from "./counts.ts";
import type { OpenRedrive, UnitPart, UnitState } from "./open-redrive.ts";

/** Finishes messages. */
export interface Finisher {
  readonly finish: (results: ReadonlyMap<UnitPart, RedriveResult>) => Promise<void>;
  /** Removes messages whose dead letters were already delivered and removed in another message. */
  readonly removeCopies: (ids: readonly string[]) => Promise<void>;
  /** Number of messages that were delivered but could not be removed. */
  readonly notRemoved: () => number;
}

/** If the parts of a message have different outcomes, the message gets the outcome that comes first in this list. */
const precedence = ["unsent", ...outcomesBySeverity] as const;

const combined = (one: RedriveResult | undefined, other: RedriveResult): RedriveResult => {
  if (one === undefined) return other;
  const outcome = precedence.find((outcome) => outcome === one.outcome || outcome === other.outcome) ?? "unsent";
  const isUnchecked = one.isUnchecked || other.isUnchecked;
  return { outcome, stays: one.stays || other.stays, ...(isUnchecked && { isUnchecked }) };
};

/** Adds each part's result to the part's unit. Returns the units of which all parts have a result now. */
const completeUnits = (
  results: ReadonlyMap<UnitPart, RedriveResult>,
  { counts, causes }: Pick<OpenRedrive, "counts" | "causes">,
): MessageUnit<UnitState>[] =>
  [...results].flatMap(([{ unit }, partResult]) => {
    causes.add(partResult);
    const result = combined(unit.value.result, partResult);
    unit.value.result = result;
    unit.value.pending -= 1;
    if (unit.value.pending > 0) return [];
    counts.add(countedOutcome(result));
    return [unit];
  });

/** Creates the finisher of a redrive. */
export const finisher = (
  redrive: Pick<OpenRedrive, "options" | "source" | "payloads" | "counts" | "causes" | "terminal" | "onFinished">,
): Finisher => {
  const { options, source, payloads, terminal, onFinished } = redrive;
  let notRemoved = 0;
  return {
    notRemoved: () => notRemoved,
    removeCopies: async (ids) => {
      const left = await source.remove(ids);
      notRemoved += left.length;
    },
    finish: async (results) => {
      const units = completeUnits(results, redrive);
      const isStaying = ({ value }: MessageUnit<UnitState>): boolean => value.result?.stays || options.isDryRun;
      const done = units.filter((unit) => !isStaying(unit));
      // For a file or a bucket, the records in S3 are kept, because a queue may contain the same dead letters.
      const payloadStore = options.address.kind === "queue" ? payloads : undefined;
      const left = await removeUnits(done, source, payloadStore, terminal);
      notRemoved += left.size;
      for (const unit of units) {
        const { parts, result } = unit.value;
        if (result === undefined) continue;
        const stays = isStaying(unit) || unit.messages.some((id) => left.has(id));
        onFinished({ deadLetterId: parts[0]?.deadLetterId, route: parts[0]?.route, result, stays });
      }
      // For a FIFO queue, nothing is released yet: the next round would only receive the same messages again.
      if (!source.isFifo) await source.release(units.filter(isStaying).flatMap(({ messages }) => messages));
    },
  };
};
