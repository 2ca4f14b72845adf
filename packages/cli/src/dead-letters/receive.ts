// Takes the dead letters out of a queue that a command is about, each once.

import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";
import type { Claims } from "../aws/payloads.ts";
import { isMeant, type LetterFilter } from "../filter/dead-letter-filter.ts";
import { type Letterbox, type Stock, stillHidden, type Taken } from "../message-source/message-source.ts";
import { newOtherKinds } from "../message-source/unsupported-messages.ts";

/** A dead letter, and the messages that hold it. */
export interface GatheredLetter<Kept> {
  readonly kept: Kept;
  readonly messages: string[];
  readonly claims: string[];
}

/** What was gathered. */
export interface Gathering<Kept> {
  readonly letters: readonly GatheredLetter<Kept>[];
  /** Messages that hold no dead letter, in a line for each kind. */
  readonly others: readonly string[];
  /** Letters whose records were wanted, and are not where they were kept. */
  readonly gone: number;
  /** Messages that could not be looked at: hidden, too many to hold, or behind others of a FIFO queue's group. */
  readonly unseen: number;
}

export interface Gatherer<Kept> {
  readonly letterbox: Letterbox;
  readonly stock: Stock;
  readonly filter: LetterFilter;
  readonly claims: Claims;
  /** Whether a letter's record itself is needed, which may stand in S3. */
  readonly needsRecord: (envelope: Envelope) => boolean;
  /** What is to be kept of a letter: a queue may hold more than memory does. */
  readonly keep: (envelope: Envelope) => Promise<Kept>;
  readonly signal: AbortSignal;
  readonly onProgress: (taken: number) => void;
}

/** Takes out what is there. It is held: whoever asks for it removes it or puts it back. */
export const gather = async <Kept>(gatherer: Gatherer<Kept>): Promise<Gathering<Kept>> => {
  const { letterbox, stock, filter, claims, needsRecord, keep, signal, onProgress } = gatherer;
  const letters = new Map<string, GatheredLetter<Kept>>();
  const isByKey = filter.keys !== undefined;
  const otherKinds = newOtherKinds();
  let [gone, taken] = [0, 0];

  const wholeOf = async (envelope: Envelope): Promise<Envelope> => {
    const isFetched = envelope.recordUrl !== undefined && (isByKey || needsRecord(envelope));
    const whole = isFetched ? await claims.fetch(envelope) : envelope;
    if (whole === undefined) gone += 1;
    return whole ?? envelope;
  };

  const sort = async ({ id, text }: Taken): Promise<void> => {
    const envelope = decodeEnvelope(text);
    if (envelope === undefined) {
      otherKinds.add({ id, text });
      return;
    }
    const known = letters.get(envelope.id);
    if (known === undefined && !isMeant({ ...filter, keys: undefined }, envelope)) return;
    const whole = known === undefined ? await wholeOf(envelope) : envelope;
    if (known === undefined && !isMeant(filter, whole)) return;
    const letter = known ?? { kept: await keep(whole), messages: [], claims: [] };
    letters.set(envelope.id, letter);
    letter.messages.push(id);
    if (envelope.recordUrl !== undefined) letter.claims.push(envelope.recordUrl);
  };

  const pass = async (message: Taken): Promise<void> => {
    taken += 1;
    await sort(message);
    onProgress(taken);
  };
  let [isFull, before] = [false, -1];
  while (!signal.aborted && taken > before && (before < 0 || letterbox.comesInRounds)) {
    before = taken;
    isFull = (await letterbox.takeOut(pass, signal)).isFull;
  }
  const isPartial = isFull || letterbox.comesInRounds;
  const unseen = stillHidden(stock, taken) + (isPartial ? ((await letterbox.look()).waiting ?? 0) : 0);
  return { letters: [...letters.values()], others: otherKinds.lines(), gone, unseen };
};
