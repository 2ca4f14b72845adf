// dedupe: "on-failure". What was delivered is noted when its batch is about to come again, and looked up by every
// batch: Lambda may cut the repeat anew, but brings nothing from before the lowest record that was reported.

import type { Clock, Deadline } from "../async/deadline.ts";
import { untilAborted } from "../async/race.ts";
import type { PipelineLogger } from "../pipeline/telemetry.ts";
import type { Journal, JournalEntry, RouteId } from "./dedupe-store.ts";
import { type DeliveryResult, type Entry, idOf } from "./item-queue.ts";

const nothing: ReadonlySet<string> = new Set();

const rangeOf = (entries: readonly Entry[]): { from: string; to: string } => {
  let from = (entries[0] as Entry).change.version;
  let to = from;
  for (const { change } of entries) {
    if (change.version < from) from = change.version;
    if (change.version > to) to = change.version;
  }
  return { from, to };
};

const late = (): Error => new Error("the invocation's time was over");

/** What noting needs of an invocation. */
export interface Noting {
  readonly journal: Journal;
  readonly id: RouteId;
  readonly logger: PipelineLogger;
  readonly deadline: Deadline;
}

/**
 * Idempotency keys of the entries that were settled in an earlier invocation. A journal that cannot be read is not
 * worth holding up the stream: it is logged, and what was delivered is delivered again.
 */
export const notedBefore = async (
  { journal, id, logger, deadline }: Noting,
  entries: readonly Entry[],
): Promise<ReadonlySet<string>> => {
  if (entries.length === 0) return nothing;
  try {
    return await untilAborted(journal.find(id, rangeOf(entries), deadline.signal), deadline.signal, late);
  } catch (error) {
    logger.warn("journal not read, repeats are sent again", { ...id, reason: String(error) });
    return nothing;
  }
};

/** Whether nothing more will be sent for the delivery but by a redrive, or from the retry queue. */
const isSettled = ({ outcome, isQueued }: DeliveryResult): boolean =>
  isQueued === true || outcome === "delivered" || outcome === "superseded" || outcome === "rejected";

/** Notes of what is settled for good at or behind the first record that comes again. */
export const notesOf = (
  route: string,
  entries: readonly Entry[],
  results: ReadonlyMap<number, DeliveryResult>,
  { from, known }: { readonly from: number; readonly known: ReadonlySet<string> },
): JournalEntry[] => {
  const notes: JournalEntry[] = [];
  for (const { position, change } of entries) {
    const result = results.get(position);
    if (position < from || result === undefined || !isSettled(result)) continue;
    const idempotencyKey = idOf(route, change.eventId);
    if (!known.has(idempotencyKey)) notes.push({ idempotencyKey, version: change.version });
  }
  return notes;
};

/** Aborts a moment after the last call: a dead-letter queue that hung until then must not cost the notes. */
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

/** Takes notes. One that cannot be taken is logged: its delivery is sent again, and nothing is lost. */
export const take = async (
  { journal, id, logger, deadline }: Noting,
  notes: readonly JournalEntry[],
  clock: Clock,
): Promise<void> => {
  if (notes.length === 0) return;
  const over = new AbortController();
  try {
    await untilAborted(journal.note(id, notes), endOf(deadline, clock, over.signal), late);
  } catch (error) {
    const fields = { ...id, notes: notes.length, reason: String(error) };
    logger.warn("journal not written, repeats are sent again", fields);
  } finally {
    over.abort();
  }
};
