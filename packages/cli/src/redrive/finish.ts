// Finishes messages that have a result: removes or releases them, and counts them.

import { type RedriveResult, removeWithRecords } from "@sluice/redrive";
import type { Payloads } from "../aws/payloads.ts";
import type { MessageSource } from "../message-source/message-source.ts";
import type { RedriveCounts } from "./counts.ts";
import { addResult, type MessageUnit, type UnitPart } from "./message-unit.ts";
import type { Causes } from "./report.ts";

/** What finishing needs. */
export interface FinishContext {
  readonly source: MessageSource;
  /** Undefined: records stay, because a file's envelopes may still be in a queue. */
  readonly payloads: Payloads | undefined;
  readonly counts: RedriveCounts;
  readonly causes: Causes;
  readonly isDryRun: boolean;
  /** Gets a line for each record that could not be removed. */
  readonly warn: (line: string) => void;
}

/** Finishes messages. */
export interface Finisher {
  readonly finish: (results: ReadonlyMap<UnitPart, RedriveResult>) => Promise<void>;
  /** Removes messages that were delivered. Answers those that are removed. */
  readonly remove: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Messages that were delivered and could not be removed. */
  readonly notRemoved: () => number;
}

/** Adds results, and returns the units that are complete. */
const completeUnits = (
  results: ReadonlyMap<UnitPart, RedriveResult>,
  { counts, causes }: FinishContext,
): [MessageUnit, RedriveResult][] =>
  [...results].flatMap(([part, partResult]) => {
    causes.add(partResult);
    const result = addResult(part, partResult);
    if (result === undefined) return [];
    counts.add(result.outcome);
    return [[part.unit, result] as [MessageUnit, RedriveResult]];
  });

/** Creates the finisher of a redrive. */
export const finisher = (context: FinishContext): Finisher => {
  const { source, payloads, isDryRun, warn } = context;
  let notRemoved = 0;

  const remove = async (ids: readonly string[]): Promise<ReadonlySet<string>> => {
    const left = new Set(await source.remove(ids));
    notRemoved += left.size;
    return new Set(ids.filter((id) => !left.has(id)));
  };

  return {
    notRemoved: () => notRemoved,
    remove,
    finish: async (results) => {
      const units = completeUnits(results, context);
      const staying = units.filter(([, { stays }]) => stays || isDryRun).map(([unit]) => unit);
      const leaving = units.map(([unit]) => unit).filter((unit) => !staying.includes(unit));
      await removeWithRecords(leaving, {
        removeMessages: remove,
        payloadStore: payloads,
        onError: (url, error) => warn(`${url} could not be removed: ${(error as Error).message}`),
      });
      // Messages of a FIFO queue would be received again at once, and hold back the others of their group.
      if (!source.isFifo) await source.release(staying.flatMap(({ messages }) => messages));
    },
  };
};
