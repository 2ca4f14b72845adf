// dedupe: "on-failure". Before a batch is retried, its finished deliveries are noted in a journal, so that the retry
// can skip them. Lambda may split the retried batch, but starts at the lowest reported record.

import type { Clock, Deadline } from "../async/deadline.ts";
import { untilAborted } from "../async/race.ts";
import type { PipelineLogger } from "../logger.ts";
import type { Journal, JournalEntry, RouteId } from "./dedupe-store.ts";
import { type BatchEntry, type DeliveryResult, idSuffixOf, type RouteResult } from "./delivery-result.ts";

/** The journal of one route. If the store fails, core logs the failure, and may send finished deliveries again. */
export interface RouteJournal {
  /** Finds the ids of deliveries that were finished in an earlier invocation. */
  readonly find: (entries: readonly BatchEntry[], deadline: Deadline) => Promise<ReadonlySet<string>>;
  /** Notes the finished deliveries at position `from` and later, because Lambda will deliver these positions again. */
  readonly note: (result: RouteResult, from: number, deadline: Deadline) => Promise<void>;
}

const nothing: ReadonlySet<string> = new Set();

const rangeOf = (entries: readonly BatchEntry[]): { from: string; to: string } => {
  let from = (entries[0] as BatchEntry).change.version;
  let to = from;
  for (const { change } of entries) {
    if (change.version < from) from = change.version;
    if (change.version > to) to = change.version;
  }
  return { from, to };
};

const late = (): Error => new Error("the invocation's time was over");

/** Whether the delivery is finished, dead-lettered or in the retry queue, so that the stream need not repeat it. */
const isSettled = ({ outcome, isQueued }: DeliveryResult): boolean =>
  isQueued === true || outcome === "delivered" || outcome === "superseded" || outcome === "rejected";

const settledBehind = (id: RouteId, { entries, results, noted }: RouteResult, from: number): JournalEntry[] => {
  const idSuffix = idSuffixOf(id);
  const settled: JournalEntry[] = [];
  for (const { position, change } of entries) {
    const result = results.get(position);
    if (position < from || result === undefined || !isSettled(result)) continue;
    const idempotencyKey = change.eventId + idSuffix;
    if (!noted?.has(idempotencyKey)) settled.push({ idempotencyKey, version: change.version });
  }
  return settled;
};

/** Aborts `settleMs` after `lastCall`. This leaves time to write the notes if the dead-letter queue hung. */
const endOf = ({ lastCall, settleMs }: Deadline, clock: Clock, over: AbortSignal): AbortSignal => {
  const end = new AbortController();
  const wait = async (): Promise<void> => {
    await clock.sleep(settleMs / 2, over);
    if (!over.aborted) end.abort();
  };
  if (lastCall.aborted) void wait();
  else lastCall.addEventListener("abort", () => void wait(), { once: true, signal: over });
  return end.signal;
};

/** The journal of one route, in a store. */
export const routeJournal = (
  journal: Journal,
  id: RouteId,
  { logger, clock }: { readonly logger: PipelineLogger; readonly clock: Clock },
): RouteJournal => ({
  find: async (entries, { signal }) => {
    if (entries.length === 0) return nothing;
    try {
      return await untilAborted(journal.find(id, rangeOf(entries), signal), signal, late);
    } catch (error) {
      logger.warn("journal not read, repeats are sent again", { ...id, reason: String(error) });
      return nothing;
    }
  },
  note: async (result, from, deadline) => {
    const settled = settledBehind(id, result, from);
    if (settled.length === 0) return;
    const over = new AbortController();
    try {
      await untilAborted(journal.note(id, settled), endOf(deadline, clock, over.signal), late);
    } catch (error) {
      const fields = { ...id, notes: settled.length, reason: String(error) };
      logger.warn("journal not written, repeats are sent again", fields);
    } finally {
      over.abort();
    }
  },
});
