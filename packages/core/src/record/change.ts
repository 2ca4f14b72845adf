// The record as Lambda delivers it, and the change that core makes of it. Decoding itself is in decode.ts.

import type { NumberValue } from "@aws-sdk/util-dynamodb";

/**
 * A DynamoDB attribute value as it stands in a stream record: numbers as decimal text, binary as base64 text
 * (bytes where the record did not come through JSON).
 */
export type AttributeValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: string | Uint8Array }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly L: readonly AttributeValue[] }
  | { readonly M: Image }
  | { readonly SS: readonly string[] }
  | { readonly NS: readonly string[] }
  | { readonly BS: readonly (string | Uint8Array)[] };

/** An item, or its keys, as attribute values. */
export type Image = { readonly [attribute: string]: AttributeValue };

export type StreamViewType = "KEYS_ONLY" | "NEW_IMAGE" | "OLD_IMAGE" | "NEW_AND_OLD_IMAGES";

/**
 * One entry of `event.Records` from a DynamoDB event source mapping. Fields that core does not need may be absent.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
 */
export interface StreamRecord {
  readonly eventID?: string;
  readonly eventName?: string;
  readonly eventVersion?: string;
  readonly eventSource?: string;
  readonly awsRegion?: string;
  readonly eventSourceARN?: string;
  readonly userIdentity?: { readonly type?: string; readonly principalId?: string };
  readonly dynamodb?: {
    /** Epoch seconds. Too coarse to order changes: lag metrics only. */
    readonly ApproximateCreationDateTime?: number;
    readonly Keys?: Image;
    readonly NewImage?: Image;
    readonly OldImage?: Image;
    readonly SequenceNumber?: string;
    readonly SizeBytes?: number;
    readonly StreamViewType?: StreamViewType;
  };
}

/** A decoded key attribute: DynamoDB allows strings, numbers and binary. */
export type KeyValue = string | number | NumberValue | Uint8Array;

/** A decoded item whose schema is not known. */
export type UnknownItem = { readonly [attribute: string]: unknown };

export type ChangeKind = "insert" | "modify" | "remove";

/**
 * How a change came to this invocation: from the stream, the retry queue, the dead letters (or Lambda's own on-failure
 * destination), the table, or an archive.
 */
export type Origin = "stream" | "retry" | "redrive" | "backfill" | "replay";

/** A decoded record. `keys`, `before` and `after` are decoded when they are read, so a spread copy has none of them. */
export interface Change<Item = UnknownItem> {
  readonly kind: ChangeKind;
  /** The item's key attributes. */
  readonly keys: { readonly [attribute: string]: KeyValue };
  /** One text for the item's key, equal for equal keys and different for different ones. */
  readonly itemKey: string;
  /**
   * The item after the change; undefined after a remove.
   * @throws {RecordError} RECORD_INCOMPLETE when the stream's view type carries no new image, RECORD_MISMATCH when
   * the image does not fit the pipeline's schema.
   */
  readonly after: Item | undefined;
  /**
   * The item before the change; undefined before an insert.
   * @throws {RecordError} RECORD_INCOMPLETE when the stream's view type carries no old image, RECORD_MISMATCH when
   * the image does not fit the pipeline's schema.
   */
  readonly before: Item | undefined;
  /** `<stream epoch>-<sequence number padded to 40 digits>`: 58 characters that order the changes of an item as text. */
  readonly version: string;
  readonly sequenceNumber: string;
  /** Unique to the change, and equal on every repeat of it. */
  readonly eventId: string;
  /** True where DynamoDB's TTL service removed the item. A removal replicated from another region does not show it. */
  readonly isTtlRemoval: boolean;
  readonly origin: Origin;
  readonly viewType: StreamViewType;
  /** Milliseconds since the epoch, rounded down to the second by DynamoDB. For lag, never for order. */
  readonly approximateCreationTimeMs: number;
  /** The record as it was received. */
  readonly record: StreamRecord;
}

/** A change after which the item exists: what the mapper of an upsert sink sees. */
export interface LiveChange<Item = UnknownItem> extends Change<Item> {
  readonly after: Item;
}
