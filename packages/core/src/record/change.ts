// The types of records and changes.

import type { NumberValue } from "@aws-sdk/util-dynamodb";

/** An attribute value in a record. Numbers are decimal text; binary is base64 text, or bytes if not parsed from JSON. */
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

/** Which images the records of a stream have. */
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
    /** Seconds since the epoch. Use this time for lag metrics; it is too coarse to order changes. */
    readonly ApproximateCreationDateTime?: number;
    readonly Keys?: Image;
    readonly NewImage?: Image;
    readonly OldImage?: Image;
    readonly SequenceNumber?: string;
    readonly SizeBytes?: number;
    readonly StreamViewType?: StreamViewType;
  };
}

/** A decoded key attribute. DynamoDB allows strings, numbers and binary. */
export type KeyValue = string | number | NumberValue | Uint8Array;

/** A decoded item without a schema. */
export type UnknownItem = { readonly [attribute: string]: unknown };

/** The kind of a change. */
export type ChangeKind = "insert" | "modify" | "remove";

/**
 * Where the invocation got a change from: the stream, the retry queue, the dead letters (or Lambda's on-failure
 * destination), the table, or an archive.
 */
export type Origin = "stream" | "retry" | "redrive" | "backfill" | "replay";

/** A decoded record. `keys`, `before` and `after` are getters that decode on access. A spread does not copy them. */
export interface Change<Item = UnknownItem> {
  readonly kind: ChangeKind;
  /** The item's key attributes. */
  readonly keys: { readonly [attribute: string]: KeyValue };
  /** The item's key as one text, which is unique to the key. */
  readonly itemKey: string;
  /**
   * The item after the change; undefined for a remove.
   * @throws {RecordError} RECORD_INCOMPLETE when the stream's view type has no new image, RECORD_MISMATCH when the image
   * does not match the pipeline's schema.
   */
  readonly after: Item | undefined;
  /**
   * The item before the change; undefined for an insert.
   * @throws {RecordError} RECORD_INCOMPLETE when the stream's view type has no old image, RECORD_MISMATCH when the image
   * does not match the pipeline's schema.
   */
  readonly before: Item | undefined;
  /**
   * `<stream epoch>-<sequence number padded to 40 digits>`, 58 characters; or 75 with the fraction of a backfill or a repair.
   * Compared as text, versions order the changes of an item.
   */
  readonly version: string;
  readonly sequenceNumber: string;
  /** Unique to the change, and the same on every repeat. */
  readonly eventId: string;
  /** True if DynamoDB's TTL service removed the item in this region. False if the removal came from another region. */
  readonly isTtlRemoval: boolean;
  readonly origin: Origin;
  readonly viewType: StreamViewType;
  /** Milliseconds since the epoch, rounded down to the second by DynamoDB. Use it for lag, not for order. */
  readonly approximateCreationTimeMs: number;
  /** The record as it was received. */
  readonly record: StreamRecord;
}

/** A removal of an item, for the function of the route option `removes`. */
export interface RemovedChange<Item = UnknownItem> extends Change<Item> {
  readonly kind: "remove";
  readonly after: undefined;
  readonly before: Item;
}

/** A change after which the item exists, for the mapper of an upsert sink. */
export interface LiveChange<Item = UnknownItem> extends Change<Item> {
  readonly after: Item;
}
