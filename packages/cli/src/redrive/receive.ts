// The first half of a redrive: everything is taken out and sorted before the first message is sent, because a queue gives
// messages in any order, and an item's changes must go in theirs.

import type { Letterbox, Taken, TakingOut } from "../message-source/message-source.ts";
import type { OtherKinds } from "../message-source/unsupported-messages.ts";
import type { Spool } from "../files/temporary-file.ts";
import type { Account } from "../../../redrive/src/run-counts.ts";
import type { Entry, Parcel } from "./delivery-unit.ts";
import type { Reader, Reading } from "./read-message.ts";

/** What was collected. */
export interface Collection extends TakingOut {
  readonly entries: readonly Entry[];
  /** Messages that are not to be sent. */
  readonly others: readonly string[];
  /** Copies of letters that an earlier round has delivered. */
  readonly spent: readonly string[];
  /** Messages that were taken out. */
  readonly taken: number;
  /** What ended it early; what was taken out until then is here. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** What collecting needs, over all rounds of a redrive. */
export interface Collecting {
  readonly letterbox: Letterbox;
  readonly read: Reader;
  readonly spool: Spool;
  readonly account: Account;
  readonly otherKinds: OtherKinds;
  /** Parcels by the id of their letter, over all rounds. */
  readonly known: Map<string, Parcel>;
  readonly signal: AbortSignal;
  /** Is told how many were taken out so far. */
  readonly onProgress: (taken: number) => void;
}

/** A message of a letter, and the record that it claims. */
interface Copy {
  readonly id: string;
  readonly claim: string | undefined;
}

/** What is sorted out so far. */
interface Heap {
  readonly entries: Entry[];
  readonly others: string[];
  readonly spent: string[];
  /** Messages that the filter leaves out by their letters, unless another copy of the letter passes. */
  readonly leftOut: Map<string, Copy[]>;
}

const addCopies = (parcel: Parcel, copies: readonly Copy[]): void => {
  for (const { id, claim } of copies) {
    parcel.messages.push(id);
    if (claim !== undefined) parcel.claims.push(claim);
  }
};

const addParcel = async (heap: Heap, { spool, known, account }: Collecting, id: string, reading: Reading) => {
  const { letterId = id, parts, claim } = reading;
  const parcel: Parcel = { messages: [], claims: [], open: parts.length, settled: undefined };
  for (const [index, { body, ...order }] of parts.entries()) {
    const name = parts.length === 1 ? id : `${id} ${index + 1}/${parts.length}`;
    heap.entries.push({ id: name, ...order, place: await spool.add(body), parcel });
  }
  known.set(letterId, parcel);
  const copies = heap.leftOut.get(letterId) ?? [];
  heap.leftOut.delete(letterId);
  addCopies(parcel, [{ id, claim }, ...copies]);
  account.note("copy", copies.length);
};

/** Finds the place of one message. */
const sort = async (heap: Heap, collecting: Collecting, message: Taken): Promise<void> => {
  const { read, account, known, otherKinds } = collecting;
  const { id } = message;
  const reading = await read(message);
  if (reading === undefined) {
    account.note("noLetter");
    otherKinds.add(message);
    heap.others.push(id);
    return;
  }
  const { letterId = id, isMeant, claim } = reading;
  const parcel = known.get(letterId);
  if (parcel !== undefined) {
    account.note("copy");
    if (parcel.settled?.stays === false) heap.spent.push(id);
    else addCopies(parcel, [{ id, claim }]);
  } else if (isMeant) await addParcel(heap, collecting, id, reading);
  else heap.leftOut.set(letterId, [...(heap.leftOut.get(letterId) ?? []), { id, claim }]);
};

/** Takes out what is there. Never rejects: what was taken out has to be seen to. */
export const collect = async (collecting: Collecting): Promise<Collection> => {
  const { letterbox, account, signal, onProgress } = collecting;
  const heap: Heap = { entries: [], others: [], spent: [], leftOut: new Map() };
  let [taken, isFull] = [0, false];
  let failure: Collection["failure"];
  const pass = async (message: Taken): Promise<void> => {
    taken += 1;
    account.receive();
    try {
      await sort(heap, collecting, message);
    } catch (error) {
      account.note("unsent");
      throw error;
    }
    onProgress(taken);
  };
  try {
    isFull = (await letterbox.takeOut(pass, signal)).isFull;
  } catch (error) {
    failure = { error };
  }
  const notMeant = [...heap.leftOut.values()].flat().map(({ id }) => id);
  account.note("notMeant", notMeant.length);
  return { ...heap, others: [...heap.others, ...notMeant], taken, isFull, failure };
};
