// What follows from results: messages are removed or put back, records that they claimed are removed after them, and all
// of it is counted.

import type { Claims } from "../aws/payloads.ts";
import type { Letterbox } from "../message-source/message-source.ts";
import type { Account } from "../../../redrive/src/run-counts.ts";
import { type Entry, type Parcel, type Settled, settleEntry } from "./delivery-unit.ts";
import type { Causes } from "./report.ts";
import type { EntryResult } from "../../../redrive/src/engine.ts";

/** What settling needs. */
export interface Settling {
  readonly letterbox: Letterbox;
  /** Undefined where claims are not ours to remove: a file's envelopes may still stand in a queue. */
  readonly claims: Claims | undefined;
  readonly account: Account;
  readonly causes: Causes;
  readonly isDryRun: boolean;
  /** Is told of a record that stays behind. */
  readonly warn: (line: string) => void;
}

export interface Settler {
  readonly settle: (results: ReadonlyMap<Entry, EntryResult>) => Promise<void>;
  /** Removes messages that were delivered, and answers those that it could. */
  readonly remove: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Messages that were delivered, and could not be removed. */
  readonly unremoved: () => number;
}

/** Settles entries, and answers the parcels that are complete. */
const complete = (results: ReadonlyMap<Entry, EntryResult>, { account, causes }: Settling): [Parcel, Settled][] => {
  const done: [Parcel, Settled][] = [];
  for (const [entry, result] of results) {
    causes.add(result);
    if (!settleEntry(entry, result)) continue;
    const settled = entry.parcel.settled as Settled;
    account.note(settled.outcome);
    done.push([entry.parcel, settled]);
  }
  return done;
};

export const settler = (settling: Settling): Settler => {
  const { letterbox, claims, isDryRun, warn } = settling;
  let unremoved = 0;

  const remove = async (ids: readonly string[]): Promise<ReadonlySet<string>> => {
    const left = new Set(await letterbox.remove(ids));
    unremoved += left.size;
    return new Set(ids.filter((id) => !left.has(id)));
  };

  const removeClaims = async (parcels: readonly Parcel[]): Promise<void> => {
    for (const claim of parcels.flatMap((parcel) => parcel.claims)) {
      await claims?.remove(claim).catch((error: Error) => warn(`${claim} could not be removed: ${error.message}`));
    }
  };

  return {
    unremoved: () => unremoved,
    remove,
    settle: async (results) => {
      const parcels = complete(results, settling);
      const staying = parcels.filter(([, { stays }]) => stays || isDryRun).map(([parcel]) => parcel);
      const leaving = parcels.map(([parcel]) => parcel).filter((parcel) => !staying.includes(parcel));
      // The message goes before its record, so that none is ever left without.
      const removed = await remove(leaving.flatMap(({ messages }) => messages));
      await removeClaims(leaving.filter(({ messages }) => messages.every((id) => removed.has(id))));
      // Of a FIFO queue what is put back would come again, and keep others from coming.
      if (!letterbox.comesInRounds) await letterbox.putBack(staying.flatMap(({ messages }) => messages));
    },
  };
};
