// A message source: a queue, a file, or objects under a prefix in S3. Messages are received, then removed or released.

/** A message that was received. */
export interface SourceMessage {
  /** Identifies the message in its source: an SQS message id, a line, an object's key. */
  readonly id: string;
  readonly body: string;
}

/** Status of a source before anything is received. */
export interface SourceStatus {
  /** Approximate number of messages that can be received; undefined where it is unknown. */
  readonly available: number | undefined;
  /** Messages that cannot be received now: in flight at another consumer, or delayed. */
  readonly hidden: number;
  /** Messages that an earlier run has removed. */
  readonly alreadyDone: number;
  /** Notes for the user, one line each. */
  readonly notes: readonly string[];
}

/** Messages that could not be received. Some of those that were hidden at first may have become available meanwhile. */
export const stillHidden = ({ available = 0, hidden }: SourceStatus, received: number): number =>
  Math.min(hidden, Math.max(0, available + hidden - received));

/** How a receive ended. */
export interface ReceiveEnd {
  /** The source contains more messages than may be in flight. */
  readonly isFull: boolean;
}

/** Where a command gets its messages from. */
export interface MessageSource {
  /** For people: `orders-dead-letters`. */
  readonly name: string;
  /** Whether it is a FIFO queue: removing messages then makes others of their group available. */
  readonly isFifo: boolean;
  /** @throws {CommandError} when the source cannot be reached */
  readonly status: () => Promise<SourceStatus>;
  /**
   * Receives the available messages in any order, and keeps them hidden from others until they are removed or released.
   * Ends early when the signal aborts; messages that were received by then have been passed on.
   * @throws {CommandError} when the source cannot be reached
   */
  readonly receiveAll: (pass: (message: SourceMessage) => Promise<void>, signal: AbortSignal) => Promise<ReceiveEnd>;
  /** Removes messages. Answers the ids of those that could not be removed. */
  readonly remove: (ids: readonly string[]) => Promise<readonly string[]>;
  /** Makes messages available to others; without ids, all of them. Answers how many could not be released. */
  readonly release: (ids?: readonly string[]) => Promise<number>;
  /** Messages that could not be kept hidden: others may have received them. */
  readonly expired: () => number;
  /** Releases all messages, and frees what is open. */
  readonly close: () => Promise<void>;
}
