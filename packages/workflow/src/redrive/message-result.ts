// The result of a message in a batch.

import type { DeadLetter } from "./dead-letter.ts";
import type { DoneOutcome } from "./progress.ts";

/** The message is done and can be deleted. */
export interface DoneMessage {
  readonly deadLetter: DeadLetter;
  readonly outcome: DoneOutcome;
}

/** The message stays in the queue. */
export interface LeftMessage {
  readonly deadLetter: DeadLetter;
  readonly code: string;
  /** Explanation for the log. Contains no item values. */
  readonly reason: string;
}

/** Result of a message. */
export type MessageResult = DoneMessage | LeftMessage;

/** Finishes messages: deletes the done messages, and counts all messages. */
export type Finish = (results: readonly MessageResult[]) => Promise<void>;
