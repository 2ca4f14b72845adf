// One item: its state in the table and in each target, and its changes.

import type { Image } from "@sluice/core/sink-kit";
import type { ItemTrace } from "@sluice/inspect";
import type { ChangeRow } from "./changes.ts";

/** Names an item. */
export interface ItemQuestion {
  readonly pipeline: string;
  /** The key as DynamoDB's JSON: `{"id":{"S":"o-1"}}`. */
  readonly keys: Image;
}

/** The answer of `POST /api/item`. It has no value of the item but its key. */
export interface ItemView {
  readonly trace: ItemTrace;
  /** The item's changes that the console saw, oldest first. */
  readonly changes: readonly ChangeRow[];
}

/**
 * What one target holds of an item, and should hold: an object with the members of the copy, each as text in the spelling in
 * which the sink compares them. Equal copies have equal texts.
 */
export interface TargetValues {
  readonly routes: readonly string[];
  /** Undefined if the target has no copy. */
  readonly held: unknown;
  /** Undefined if the target should have no copy. */
  readonly expected: unknown;
  /** Why the values cannot be read. */
  readonly problem?: string;
}

/** The answer of `POST /api/item/values`. */
export interface ItemValues {
  /** DynamoDB's JSON; undefined if the table has no such item. */
  readonly item: Image | undefined;
  readonly targets: readonly TargetValues[];
}
