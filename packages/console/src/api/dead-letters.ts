// Dead letters: the failed deliveries in a queue.

import type { Image } from "@sluice/core/sink-kit";

/** A dead letter. It has the item's key, and no other value. */
export interface DeadLetterRow {
  readonly queueUrl: string;
  readonly id: string;
  readonly pipeline: string;
  readonly route: string;
  readonly code: string;
  /** The message of the error, without the parts in which messages of one reason differ. */
  readonly reason: string;
  readonly attempts: number;
  /** ISO 8601. */
  readonly firstFailedAt: string;
  readonly keys: Image | undefined;
  readonly eventId: string | undefined;
  /** Whether the record is in S3. */
  readonly isStored: boolean;
}

/** The answer of `GET /api/dead-letters`: oldest first. */
export interface DeadLetterPage {
  readonly queueUrl: string;
  readonly rows: readonly DeadLetterRow[];
  /** Lines about messages that are no dead letters. */
  readonly unsupported: readonly string[];
  /** Number of messages that could not be received: delayed, or in flight at another consumer. */
  readonly hidden: number;
}

/** Names dead letters of one queue. */
export interface DeadLetterSelection {
  readonly queueUrl: string;
  readonly ids: readonly string[];
}

/** The answer of `POST /api/dead-letters/show`: the whole dead letter, with values. */
export interface DeadLetterView {
  readonly row: DeadLetterRow;
  /** The message of the error as it is. */
  readonly message: string;
  /** DynamoDB's JSON. Undefined for removals and for `KEYS_ONLY`. */
  readonly newImage: Image | undefined;
  readonly oldImage: Image | undefined;
  /** The envelope as JSON, for people. */
  readonly envelope: string;
}

/** The body of `POST /api/dead-letters/edit`: sends a dead letter again with another item. */
export interface DeadLetterEdit {
  readonly queueUrl: string;
  readonly id: string;
  /** The item to deliver, as DynamoDB's JSON, with the same key. */
  readonly newImage: Image;
}

/** What happened to one dead letter. */
export interface DeadLetterResult {
  readonly id: string;
  readonly route: string;
  readonly outcome: string;
  readonly code?: string;
  readonly reason?: string;
  /** Whether it is still in the queue. */
  readonly stays: boolean;
}

/** The answer of `POST /api/dead-letters/drop`. */
export interface DropResult {
  readonly dropped: number;
  /** Number of messages that could not be deleted. */
  readonly left: number;
  /** The file with the dropped dead letters, from which `sluice redrive` sends them again. */
  readonly file: string;
}
