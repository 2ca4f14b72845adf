// A parcel: what is sent and settled together. Copies of one dead letter are one entry of several messages; an object of
// Lambda's that no request holds is one message in several entries.

import type { Outcome } from "@sluice/core/envelope";
import type { SpoolPlace } from "../files/temporary-file.ts";

/** What became of an entry. */
export interface Settled {
  readonly outcome: Outcome | "unsent";
  /** Whether the message has to stay where it was. */
  readonly stays: boolean;
}

/** Messages that share their fate. */
export interface Parcel {
  /** Ids of its messages: the first, and copies. */
  readonly messages: string[];
  /** Addresses of records that its messages claim. */
  readonly claims: string[];
  /** Entries that are not settled. */
  open: number;
  settled: Settled | undefined;
}

/** One message of a request. */
export interface Entry {
  /** Names it in the request. */
  readonly id: string;
  /** What keeps its order: the changes of one item on their way to one sink, or the batches of one shard. */
  readonly lane: string;
  /** Compares as text within the lane. */
  readonly version: string;
  readonly place: SpoolPlace;
  readonly parcel: Parcel;
}

/** The outcomes, the one that most needs to be looked at first. */
const gravest: readonly Settled["outcome"][] = ["unsent", "retried", "rejected", "delivered", "superseded", "filtered"];

const graver = (a: Settled, b: Settled): Settled => ({
  outcome: gravest.indexOf(a.outcome) < gravest.indexOf(b.outcome) ? a.outcome : b.outcome,
  stays: a.stays || b.stays,
});

/** Settles an entry; answers whether its parcel is complete. */
export const settleEntry = ({ parcel }: Entry, settled: Settled): boolean => {
  parcel.settled = parcel.settled === undefined ? settled : graver(parcel.settled, settled);
  parcel.open -= 1;
  return parcel.open === 0;
};

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/** By lane, and within it oldest first. */
export const inOrder = (entries: readonly Entry[]): Entry[] =>
  [...entries].sort((one, other) => compare(one.lane, other.lane) || compare(one.version, other.version));
