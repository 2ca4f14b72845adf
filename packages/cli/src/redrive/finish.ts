// Finishes messages that have a result: removes or releases them, and counts them.

import { outcomesBySeverity } from "@sluice/core/envelope";
import type { RedriveResult } from "@sluice/redrive";
import type { MessageUnit } from "../message-source/receive-units.ts";
import { removeUnits } from "../message-source/remove-units.ts";
import type { OpenRedrive, UnitPart, UnitState } from "./open-redrive.ts";

/** Finishes messages. */
export interface Finisher {
  readonly finish: (results: ReadonlyMap<UnitPart, RedriveResult>) => Promise<void>;
  /** Removes further copies of dead letters that were delivered. */
  readonly removeCopies: (ids: readonly string[]) => Promise<void>;
  /** Number of messages that were delivered but could not be removed. */
  readonly notRemoved: () => number;
}

/** Outcomes by precedence. If the parts of a message differ, the message has the outcome that needs attention most. */
const precedence = ["unsent", ...outcomesBySeverity] as const;

const combined = (one: RedriveResult | undefined, other: RedriveResult): RedriveResult => ({
  outcome: precedence.find((outcome) => outcome === one?.outcome || outcome === other.outcome) ?? "unsent",
  stays: one?.stays || other.stays,
});

/** Adds results to their units, and returns the units that are complete. */
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
    counts.add(result.outcome);
    return [unit];
  });

/** Creates the finisher of a redrive. */
export const finisher = (
  redrive: Pick<OpenRedrive, "options" | "source" | "payloads" | "counts" | "causes" | "terminal">,
): Finisher => {
  const { options, source, payloads, terminal } = redrive;
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
      // The dead letters of a file may still be in a queue too, and there they need their records.
      const payloadStore = options.address.kind === "queue" ? payloads : undefined;
      const left = await removeUnits(done, source, payloadStore, terminal);
      notRemoved += left;
      // SQS would deliver released messages of a FIFO queue again at once, and the rest of their group would wait.
      if (!source.isFifo) await source.release(units.filter(isStaying).flatMap(({ messages }) => messages));
    },
  };
};
