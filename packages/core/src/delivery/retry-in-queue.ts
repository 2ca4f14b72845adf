// Stores deliveries in the retry queue, so that neither the stream nor another sink waits for their retry. If a
// delivery cannot be stored, the stream retries it.

import type { EnvelopeMessage } from "../envelope/envelope-message.ts";
import { type StoreResult, storeResultOf } from "../envelope/store-result.ts";
import { SinkError } from "../errors.ts";
import type { Invocation } from "../intake/invocation.ts";
import type { PipelineLogger } from "../logger.ts";
import type { RouteId } from "./dedupe-store.ts";
import { type BatchEntry, byVersion, changeResults, type Results } from "./delivery-result.ts";
import { failedDelivery } from "./failed-delivery.ts";
import type { AddedMarks, RoutePendingItems } from "./pending-items.ts";

/** The retry queue of one route. */
export interface RouteRetryQueue {
  readonly id: RouteId;
  readonly logger: PipelineLogger;
  readonly write: (messages: readonly EnvelopeMessage[]) => Promise<StoreResult>;
  /** Undefined if the order of deliveries does not matter to the route. */
  readonly pendingItems: RoutePendingItems | undefined;
}

/** A delivery to store in the retry queue, with its message. */
interface Queued {
  readonly entry: BatchEntry;
  readonly message: EnvelopeMessage;
}

/** Returns the messages for the retried deliveries. If the order matters, the messages are sorted by version. */
const messagesOf = (
  { id, pendingItems }: RouteRetryQueue,
  entries: readonly BatchEntry[],
  results: Results,
  invocation: Invocation,
): Queued[] => {
  const queued: Queued[] = [];
  for (const entry of entries) {
    const result = results.get(entry.position);
    if (result?.outcome !== "retried") continue;
    const envelope = failedDelivery(id, invocation, entry.position, result);
    const group = pendingItems ? JSON.stringify([id.pipeline, id.route, entry.change.itemKey]) : envelope.id;
    queued.push({ entry, message: { envelope, group } });
  }
  return pendingItems ? queued.sort((a, b) => byVersion(a.entry, b.entry)) : queued;
};

const entriesOf = (queued: readonly Queued[]): BatchEntry[] => queued.map(({ entry }) => entry);

const entriesIn = (queued: readonly Queued[], envelopes: StoreResult["stored"] | undefined): BatchEntry[] =>
  entriesOf(queued.filter(({ message }) => envelopes?.has(message.envelope)));

const write = (queue: RouteRetryQueue, queued: readonly Queued[]): Promise<StoreResult> =>
  queue.write(queued.map(({ message }) => message));

/** Adds the pending items before it stores their messages. Otherwise a later change could overtake a stored message. */
const storeInOrder = async (
  queue: RouteRetryQueue,
  pendingItems: RoutePendingItems,
  queued: readonly Queued[],
): Promise<StoreResult> => {
  let marks: AddedMarks;
  try {
    marks = await pendingItems.add(entriesOf(queued));
  } catch (cause) {
    const found = `[${queue.id.route}] the pending items could not be stored`;
    return { stored: new Set(), errors: [new SinkError("SINK_UNAVAILABLE", found, { cause })] };
  }
  const result = await write(queue, queued);
  if (result.stored.size === queued.length) return result;
  try {
    const refused = entriesIn(queued, result.refused);
    const possible = entriesOf(queued.filter(({ message }) => !result.refused?.has(message.envelope)));
    await pendingItems.correct(marks, { refused, possible });
    return result;
  } catch (error) {
    return { ...result, errors: [...result.errors, error] };
  }
};

/** Stores the retried deliveries in the queue. @returns the results, in which stored deliveries have `isQueued`. */
export const retryInQueue = async (
  queue: RouteRetryQueue,
  entries: readonly BatchEntry[],
  results: Results,
  invocation: Invocation,
): Promise<Results> => {
  const queued = messagesOf(queue, entries, results, invocation);
  if (queued.length === 0) return results;
  const { pendingItems, logger, id } = queue;
  const result = await storeResultOf(
    () => (pendingItems ? storeInOrder(queue, pendingItems, queued) : write(queue, queued)),
    invocation.deadline.lastCall,
  );
  const { errors } = result;
  if (errors.length > 0) {
    const fields = { ...id, errors: errors.length, first: String(errors[0]) };
    logger.warn("deliveries not queued for retry, the stream retries them", fields);
  }
  const positions = new Set(entriesIn(queued, result.stored).map(({ position }) => position));
  return changeResults(results, (result, position) =>
    positions.has(position) ? { ...result, isQueued: true } : undefined,
  );
};
