// What a trace says of one item. All of it is plain JSON. It has the item's key, and no other value of the item.

import type { FindingClass } from "@sluice/backfill";
import type { Image } from "@sluice/core/envelope";
import type { Answer } from "../aws/answer.ts";

/** The item in its table, read strongly consistently. */
export interface TableSight {
  readonly exists: boolean;
}

/** A change of the item in the table's stream. */
export interface StreamChange {
  readonly eventId: string;
  readonly kind: "insert" | "modify" | "remove";
  /** ISO 8601. DynamoDB tells it in seconds. Undefined if the record has no time. */
  readonly at: string | undefined;
  /** As targets hold it. Versions order an item's changes as text. */
  readonly version: string;
  /** Whether DynamoDB's TTL service removed the item. */
  readonly isTtlRemoval: boolean;
}

/** The item's changes in the stream, which keeps 24 hours, oldest first; and how far the stream was read. */
export interface StreamSight {
  readonly changes: readonly StreamChange[];
  /** Whether all shards were read to their present end. If not, changes may be missing, also newer ones. */
  readonly isComplete: boolean;
  /** Why the read ended early. */
  readonly stopped: string | undefined;
  readonly shards: number;
  /** Shards that were read to their end. */
  readonly shardsRead: number;
  /** Records of all items that were read. */
  readonly records: number;
}

/** What a target holds of the item, and how this compares with what the pipeline makes of the item now. */
export interface HeldSight {
  /** `hidden`: behind the copy of another item with the same target key. `absent`: neither a copy nor a tombstone. */
  readonly state: "live" | "removed" | "hidden" | "absent";
  readonly version: string | undefined;
  /** `kept`: the copy of an item that is gone, in a target that keeps such copies. `rejected`: the pipeline rejects the item. */
  readonly compared: "equal" | "kept" | "different" | "rejected";
  /** Only if different. */
  readonly difference: FindingClass | undefined;
  /** Names of the members that differ. */
  readonly members: readonly string[];
  /** Code of the error with which the pipeline rejects the item. */
  readonly code: string | undefined;
  /** Whether the item existed when it was read after the target. */
  readonly exists: boolean;
  /** Whether the item was the same before and after the target was read. */
  readonly isSteady: boolean;
  /** Whether the version is of a later stream than the table's, or of no stream, so that no write outranks it. */
  readonly isAhead: boolean;
}

/** One target of the pipeline. */
export interface TargetSight {
  /** The routes that write the target. */
  readonly routes: readonly string[];
  readonly held: Answer<HeldSight>;
}

/** What a queue is to the pipeline. */
export type QueueKind = "retry queue" | "dead letters";

/** A failed delivery of the item in a queue. */
export interface QueuedDelivery {
  /** As `sluice dead-letters list` shows it. */
  readonly id: string;
  readonly route: string;
  readonly code: string;
  readonly attempts: number;
  /** ISO 8601. */
  readonly firstFailedAt: string;
  /** Undefined if the record does not tell it. */
  readonly eventId: string | undefined;
  readonly version: string | undefined;
}

/** What a queue holds. Looking hides the messages for a moment, and removes none. */
export interface QueueSight {
  readonly deliveries: readonly QueuedDelivery[];
  /** Failed deliveries of other items, and of other pipelines. */
  readonly others: number;
  /** Batches that Lambda gave up on. They may contain changes of the item. */
  readonly batches: number;
  /** Messages that are neither. */
  readonly unsupported: number;
  /** Failed deliveries whose record is in S3 and was not read: they may be of the item. */
  readonly unread: number;
  /** About how many messages could not be seen: they are delayed, or another consumer has received them. */
  readonly hidden: number;
  /** Messages that could not be released: they are visible again after their visibility timeout, at most five minutes. */
  readonly notReleased: number;
}

/** One queue. */
export interface QueuePart {
  readonly kind: QueueKind;
  readonly name: string;
  readonly queueUrl: string;
  readonly sight: Answer<QueueSight>;
}

/** A line of the function's log about a delivery of the item. */
export interface LoggedDelivery {
  /** ISO 8601. */
  readonly at: string;
  readonly eventId: string;
  readonly route: string;
  readonly outcome: string;
  readonly code: string | undefined;
  readonly attempts: number | undefined;
}

/** What the logs tell, oldest first. */
export interface LogSight {
  readonly group: string;
  readonly deliveries: readonly LoggedDelivery[];
  /** Other lines that name a change of the item. They are of the user's own code, and may have values. */
  readonly otherLines: number;
  /** The first time that was searched. ISO 8601. */
  readonly since: string;
  readonly isComplete: boolean;
}

/** What a trace says in the end: `behind` and `rejected` have a known reason, `differs` has none. */
export type RouteState = "up to date" | "behind" | "rejected" | "differs" | "unknown";

/** The conclusion for one target, or for one route whose target cannot be read. */
export interface Conclusion {
  readonly routes: readonly string[];
  readonly state: RouteState;
  /** One sentence, without the name of the route. */
  readonly sentence: string;
  /** Whether the routes have a target that the pipeline could read, so that `unknown` is a gap. */
  readonly isComparable: boolean;
  /** The dead letter that explains the state. */
  readonly deadLetter?: { readonly id: string; readonly queueUrl: string };
}

/** Everything that is known of one item. */
export interface ItemTrace {
  readonly pipeline: string;
  readonly table: string;
  /** The item's key. Binary values are base64 text. */
  readonly keys: Image;
  /** When the trace began. ISO 8601. */
  readonly at: string;
  readonly item: Answer<TableSight>;
  readonly stream: Answer<StreamSight>;
  readonly targets: readonly TargetSight[];
  readonly queues: readonly QueuePart[];
  readonly logs: Answer<LogSight>;
  readonly conclusions: readonly Conclusion[];
}
