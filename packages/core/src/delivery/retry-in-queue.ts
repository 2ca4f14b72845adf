// Spilling: what a route could not deliver now goes to the retry queue, so that neither the stream nor another sink
// waits for it. What the queue does not take comes again from the stream.

import type { Envelope } from "../envelope/envelope.ts";
import type { Letter } from "../envelope/envelope-message.ts";
import type { EnvelopeReceipt } from "../envelope/envelope-queue.ts";
import { SinkError } from "../errors.ts";
import { receiptOf } from "../pipeline/report.ts";
import type { RouteId } from "./dedupe-store.ts";
import type { Entry, Verdict } from "./item-queue.ts";
import { lastVersions, type ParkedItem, type Parking, parkedItems } from "./pending-items.ts";
import type { Route } from "./route.ts";

/** What spilling needs of its pipeline and of the invocation. */
export interface Spilling {
  readonly write: (letters: readonly Letter[]) => Promise<EnvelopeReceipt>;
  readonly id: RouteId;
  /** Where the route must keep order. */
  readonly parking: Parking | undefined;
  /** Items that were marked before this batch, by their last version then. */
  readonly marked: ReadonlyMap<string, string>;
  readonly envelopeOf: (position: number, verdict: Verdict) => Envelope;
  readonly lastCall: AbortSignal;
}

/** A delivery on its way to the retry queue. */
interface Spilled {
  readonly entry: Entry;
  readonly verdict: Verdict;
  readonly letter: Letter;
}

/** In the order of their versions: so the letters of an item are stored, and none is after a gap. */
const spilledOf = (
  route: Route,
  entries: readonly Entry[],
  verdicts: ReadonlyMap<number, Verdict>,
  envelopeOf: Spilling["envelopeOf"],
): Spilled[] => {
  const keepsOrder = route.sink.supports.writes === "append";
  const spilled: Spilled[] = [];
  for (const entry of entries) {
    const verdict = verdicts.get(entry.position);
    if (verdict?.outcome !== "retried") continue;
    const envelope = envelopeOf(entry.position, verdict);
    const group = keepsOrder ? `${route.name}#${entry.change.itemKey}` : envelope.id;
    spilled.push({ entry, verdict, letter: { envelope, group } });
  }
  return keepsOrder ? spilled.sort(byVersion) : spilled;
};

const byVersion = ({ entry: a }: Spilled, { entry: b }: Spilled): number =>
  a.change.version < b.change.version ? -1 : a.change.version > b.change.version ? 1 : a.position - b.position;

/** An item as parking knows it. */
export const parkedItem = ({ change: { itemKey, version } }: Entry): ParkedItem => ({ itemKey, version });

/**
 * Puts back the marks of items whose last letter was not stored: behind a mark that nothing in the queue takes off, an
 * item's changes could go neither to the target nor, while the queue refuses them, anywhere else.
 */
const correctMarks = async (
  parking: Parking,
  { id, marked }: Spilling,
  spilled: readonly Spilled[],
  stored: ReadonlySet<Envelope>,
): Promise<void> => {
  const wanted = lastVersions(spilled.map(({ entry }) => parkedItem(entry)));
  const inQueue = lastVersions(
    spilled.filter(({ letter }) => stored.has(letter.envelope)).map(({ entry }) => parkedItem(entry)),
  );
  const vain = parkedItems(wanted).filter(({ itemKey, version }) => inQueue.get(itemKey) !== version);
  const toOf = (itemKey: string): string | undefined => inQueue.get(itemKey) ?? marked.get(itemKey);
  await parking.release(
    id,
    vain.filter(({ itemKey }) => toOf(itemKey) === undefined),
  );
  await parking.moveBack(
    id,
    vain.flatMap((item) => {
      const to = toOf(item.itemKey);
      return to === undefined ? [] : [{ ...item, to }];
    }),
  );
};

/** Marks first: a change that is sent while its predecessor waits unmarked would overtake it. */
const store = async (spilling: Spilling, spilled: readonly Spilled[]): Promise<EnvelopeReceipt> => {
  const { write, id, parking } = spilling;
  const letters = spilled.map(({ letter }) => letter);
  if (parking === undefined) return write(letters);
  try {
    await parking.park(id, parkedItems(lastVersions(spilled.map(({ entry }) => parkedItem(entry)))));
  } catch (cause) {
    const found = `[${id.route}] items could not be marked as parked`;
    return { stored: new Set(), errors: [new SinkError("SINK_UNAVAILABLE", found, { cause })] };
  }
  const receipt = await write(letters);
  if (receipt.stored.size === letters.length) return receipt;
  try {
    await correctMarks(parking, spilling, spilled, receipt.stored);
    return receipt;
  } catch (error) {
    return { ...receipt, errors: [...receipt.errors, error] };
  }
};

/**
 * Spills what is to be retried; its verdicts then say so.
 * @returns what went wrong, for the log.
 */
export const spill = async (
  route: Route,
  entries: readonly Entry[],
  verdicts: Map<number, Verdict>,
  spilling: Spilling,
): Promise<readonly unknown[]> => {
  const spilled = spilledOf(route, entries, verdicts, spilling.envelopeOf);
  if (spilled.length === 0) return [];
  const { stored, errors } = await receiptOf(() => store(spilling, spilled), spilling.lastCall);
  for (const { entry, verdict, letter } of spilled) {
    if (stored.has(letter.envelope)) verdicts.set(entry.position, { ...verdict, isSpilled: true });
  }
  return errors;
};
