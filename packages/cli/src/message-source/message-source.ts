// A letterbox: where messages are taken out, and removed or put back. A queue, a file, the objects under a prefix.

/** A message that was taken out. */
export interface Taken {
  /** Names the message within its letterbox, and for people: an SQS message id, a line, a key. */
  readonly id: string;
  readonly text: string;
}

/** What is known of a letterbox before anything is taken out. */
export interface Stock {
  /** About how many messages wait; undefined where nobody knows. */
  readonly waiting: number | undefined;
  /** Messages that cannot be taken out now: another consumer holds them, or they are delayed. */
  readonly hidden: number;
  /** Messages that an earlier run has removed. */
  readonly removedBefore: number;
  /** What the user should know, in a line each. */
  readonly notes: readonly string[];
}

/** Messages that nobody could look at: of those that were hidden at first, some may have come to light meanwhile. */
export const stillHidden = ({ waiting = 0, hidden }: Stock, taken: number): number =>
  Math.min(hidden, Math.max(0, waiting + hidden - taken));

/** How taking out ended. */
export interface TakingOut {
  /** More is there than may be held at once. */
  readonly isFull: boolean;
}

export interface Letterbox {
  /** For people: `orders-dead-letters`. */
  readonly name: string;
  /** Whether a removal may bring to light what was behind: of a FIFO queue's group. */
  readonly comesInRounds: boolean;
  /** @throws {CommandError} when it cannot be reached */
  readonly look: () => Promise<Stock>;
  /**
   * Takes out what is there, in any order, and holds it until it is removed or put back. Ends early when the signal
   * aborts: what has come by then has been passed on.
   * @throws {CommandError} when it cannot be reached
   */
  readonly takeOut: (pass: (message: Taken) => Promise<void>, signal: AbortSignal) => Promise<TakingOut>;
  /** Removes messages; answers those that it could not remove. */
  readonly remove: (ids: readonly string[]) => Promise<readonly string[]>;
  /** Puts messages back, so that others see them; without ids, all that are held. Answers how many it could not. */
  readonly putBack: (ids?: readonly string[]) => Promise<number>;
  /** Messages that could not be held for as long as it took: others may have seen them. */
  readonly lapsed: () => number;
  /** Frees what is open. Holds nothing any more. */
  readonly close: () => Promise<void>;
}
