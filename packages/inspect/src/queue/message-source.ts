// The interface of message sources: a queue, a file, or an S3 prefix. Messages are received, then removed or released.

/** A message that was received. */
export interface SourceMessage {
  /** Identifies the message in its source: an SQS message id, a line number, or an object's key. */
  readonly id: string;
  readonly body: string;
}

/** Status of a source before messages are received. */
export interface SourceStatus {
  /** Approximate number of messages that can be received, or undefined if the number is unknown. */
  readonly available: number | undefined;
  /** Number of messages that cannot be received now: they are delayed, or another consumer has received them. */
  readonly hidden: number;
  /** Number of messages that an earlier run has removed. */
  readonly alreadyDone: number;
  /** Notes for the user, one line each. */
  readonly notes: readonly string[];
}

/** Returns how many of the messages that were hidden at the start have still not been received. */
export const stillHidden = ({ available = 0, hidden }: SourceStatus, received: number): number =>
  Math.min(hidden, Math.max(0, available + hidden - received));

/** How a receive ended. */
export interface ReceiveEnd {
  /** Whether the source contains more messages than SQS allows in flight. */
  readonly isFull: boolean;
}

/** Where a command gets its messages from. */
export interface MessageSource {
  /** How the source is called in texts for the user: `orders-dead-letters`. */
  readonly name: string;
  /** Whether the source is a FIFO queue, which returns some messages only after earlier messages are removed. */
  readonly isFifo: boolean;
  /** @throws {CommandError} when the source cannot be reached */
  readonly status: () => Promise<SourceStatus>;
  /**
   * Receives all available messages in any order, and calls `pass` with each. Other consumers do not see the messages
   * until they are removed or released. When the signal aborts, receives no more, but still passes received messages.
   * @throws {CommandError} when the source cannot be reached
   */
  readonly receiveAll: (pass: (message: SourceMessage) => Promise<void>, signal: AbortSignal) => Promise<ReceiveEnd>;
  /** Removes messages. Returns the ids of the messages that could not be removed. */
  readonly remove: (ids: readonly string[]) => Promise<readonly string[]>;
  /** Makes messages available to other consumers. Default: all messages. Returns how many could not be released. */
  readonly release: (ids?: readonly string[]) => Promise<number>;
  /** Number of messages that could not be kept hidden. Other consumers may have received them. */
  readonly expired: () => number;
  /** Releases all messages, and closes the open files and connections. */
  readonly close: () => Promise<void>;
}
