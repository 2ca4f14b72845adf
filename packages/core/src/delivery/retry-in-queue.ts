// Spilling: what a route could not deliver now goes to the retry queue, so that neither the stream nor another sink
// waits for it. What the queue does not take comes again from the stream.

import type { Envelope } from "../envelope/envelope.ts";
import type { EnvelopeMessage } from "../envelope/envelope-message.ts";
import type { EnvelopeReceipt } from "../envelope/envelope-queue.ts";
import { SinkError } from "../errors.ts";
import { receiptOf } from "../pipeline/report.ts";
import type { RouteId } from "./dedupe-store.ts";
import type { DeliveryResult, Entry } from "./item-queue.ts";
import { lastVersions, type PendingItem, type PendingItems, pendingItemsOf } from "./pending-items.ts";
import type { Route } from "./route.ts";

/** What spilling needs of its pipeline and of the invocation. */
export interface Spilling {
  readonly write: (messages: readonly EnvelopeMessage[]) => Promise<EnvelopeReceipt>;
  readonly id: RouteId;
  /** Where the route must keep order. */
  readonly pendingItems: PendingItems | undefined;
  /** Items that were marked before this batch, by their last version then. */
  readonly marked: ReadonlyMap<string, string>;
  readonly envelopeOf: (position: number, result: DeliveryResult) => Envelope;
  readonly lastCall: AbortSignal;
}

/** A delivery on its way to the retry queue. */
interface Spilled {
  readonly entry: Entry;
  readonly result: DeliveryResult;
  readonly message: EnvelopeMessage;
}

/** In the order of their versions: so the messages of an item are stored, and none is after a gap. */
const spilledOf = (
  route: Route,
  entries: readonly Entry[],
  results: ReadonlyMap<number, DeliveryResult>,
  envelopeOf: Spilling["envelopeOf"],
): Spilled[] => {
  const keepsOrder = route.sink.supports.writes === "append";
  const spilled: Spilled[] = [];
  for (const entry of entries) {
    const result = results.get(entry.position);
    if (result?.outcome !== "retried") continue;
    const envelope = envelopeOf(entry.position, result);
    const group = keepsOrder ? `${route.name}#${entry.change.itemKey}` : envelope.id;
    spilled.push({ entry, result, message: { envelope, group } });
  }
  return keepsOrder ? spilled.sort(byVersion) : spilled;
};

const byVersion = ({ entry: a }: Spilled, { entry: b }: Spilled): number =>
  a.change.version < b.change.version ? -1 : a.change.version > b.change.version ? 1 : a.position - b.position;

/** An item as pendingItems knows it. */
export const pendingItem = ({ change: { itemKey, version } }: Entry): PendingItem => ({ itemKey, version });

/**
 * Puts back the marks of items whose last message was not stored: behind a mark that nothing in the queue takes off, an
 * item's changes could go neither to the target nor, while the queue refuses them, anywhere else.
 */
const correctMarks = async (
  pendingItems: PendingItems,
  { id, marked }: Spilling,
  spilled: readonly Spilled[],
  stored: ReadonlySet<Envelope>,
): Promise<void> => {
  const wanted = lastVersions(spilled.map(({ entry }) => pendingItem(entry)));
  const inQueue = lastVersions(
    spilled.filter(({ message }) => stored.has(message.envelope)).map(({ entry }) => pendingItem(entry)),
  );
  const vain = pendingItemsOf(wanted).filter(({ itemKey, version }) => inQueue.get(itemKey) !== version);
  const toOf = (itemKey: string): string | undefined => inQueue.get(itemKey) ?? marked.get(itemKey);
  await pendingItems.release(
    id,
    vain.filter(({ itemKey }) => toOf(itemKey) === undefined),
  );
  await pendingItems.moveBack(
    id,
    vain.flatMap((item) => {
      const to = toOf(item.itemKey);
      return to === undefined ? [] : [{ ...item, to }];
    }),
  );
};

/** Marks first: a change that is sent while its predecessor waits unmarked would overtake it. */
const store = async (spilling: Spilling, spilled: readonly Spilled[]): Promise<EnvelopeReceipt> => {
  const { write, id, pendingItems } = spilling;
  const messages = spilled.map(({ message }) => message);
  if (pendingItems === undefined) return write(messages);
  try {
    await pendingItems.add(id, pendingItemsOf(lastVersions(spilled.map(({ entry }) => pendingItem(entry)))));
  } catch (cause) {
    const found = `[${id.route}] items could not be marked as parked`;
    return { stored: new Set(), errors: [new SinkError("SINK_UNAVAILABLE", found, { cause })] };
  }
  const receipt = await write(messages);
  if (receipt.stored.size === messages.length) return receipt;
  try {
    await correctMarks(pendingItems, spilling, spilled, receipt.stored);
    return receipt;
  } catch (error) {
    return { ...receipt, errors: [...receipt.errors, error] };
  }
};

/**
 * Spills what is to be retried; its results then say so.
 * @returns what went wrong, for the log.
 */
export const spill = async (
  route: Route,
  entries: readonly Entry[],
  results: Map<number, DeliveryResult>,
  spilling: Spilling,
): Promise<readonly unknown[]> => {
  const spilled = spilledOf(route, entries, results, spilling.envelopeOf);
  if (spilled.length === 0) return [];
  const { stored, errors } = await receiptOf(() => store(spilling, spilled), spilling.lastCall);
  for (const { entry, result, message } of spilled) {
    if (stored.has(message.envelope)) results.set(entry.position, { ...result, isQueued: true });
  }
  return errors;
};
