// A message source: a queue, a file, or objects under a prefix in S3. Messages are received, then removed or released.

/** A message that was received. */
export interface SourceMessage {
  /** Identifies the message in its source: an SQS message id, a line, an object's key. */
  readonly id: string;
  readonly body: string;
}

/** Status of a source before messages are received. */
export interface SourceStatus {
  /** Approximate number of messages that can be received; undefined if the number is unknown. */
  readonly available: number | undefined;
  /** Number of messages that cannot be received now, because another consumer holds them or they are delayed. */
  readonly hidden: number;
  /** Number of messages that an earlier run has removed. */
  readonly alreadyDone: number;
  /** Notes for the user, one line each. */
  readonly notes: readonly string[];
}

/** Returns how many messages could not be received. Messages that were hidden at first may have been received later. */
export const stillHidden = ({ available = 0, hidden }: SourceStatus, received: number): number =>
  Math.min(hidden, Math.max(0, available + hidden - received));

/** How a receive ended. */
export interface ReceiveEnd {
  /** Whether the source contains more messages than SQS allows in flight. */
  readonly isFull: boolean;
}

/** Where a command gets its messages from. */
export interface MessageSource {
  /** Name of the source for the user: `orders-dead-letters`. */
  readonly name: string;
  /** Whether the source is a FIFO queue. There, messages of a group become available when others are removed. */
  readonly isFifo: boolean;
  /** @throws {CommandError} when the source cannot be reached */
  readonly status: () => Promise<SourceStatus>;
  /**
   * Receives the available messages in any order, and hides them from others until they are removed or released.
   * Ends early when the signal aborts. Every message that was received by then has been passed to `pass`.
   * @throws {CommandError} when the source cannot be reached
   */
  readonly receiveAll: (pass: (message: SourceMessage) => Promise<void>, signal: AbortSignal) => Promise<ReceiveEnd>;
  /** Removes messages. Returns the ids of those that could not be removed. */
  readonly remove: (ids: readonly string[]) => Promise<readonly string[]>;
  /** Makes messages (default: all) available to other consumers. Returns how many could not be released. */
  readonly release: (ids?: readonly string[]) => Promise<number>;
  /** Number of messages that did not stay hidden, so that other consumers may have received them. */
  readonly expired: () => number;
  /** Releases all messages, and closes the open files and connections. */
  readonly close: () => Promise<void>;
}
