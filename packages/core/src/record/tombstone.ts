// A table that a DynamoDB sink of Sluice writes has a guard attribute in every item, and tombstones of removed items. Another
// pipeline that replicates this table must see neither of them: a tombstone is an item that does not exist.

import type { AttributeValue, Image, StreamRecord } from "./change.ts";

/** A record without guards and tombstones. */
export interface VisibleRecord {
  readonly record: StreamRecord;
  /** Whether the item existed neither before nor after the change. */
  readonly isUnchanged: boolean;
}

const eventNames: readonly string[] = ["INSERT", "MODIFY", "REMOVE"];

/** Returns the members of a guard; undefined for any other value. */
const guardIn = (value: AttributeValue | undefined): Image | undefined => {
  const { M: members } = (value ?? {}) as { readonly M?: Image };
  const { S: version } = (members?.v ?? {}) as { readonly S?: unknown };
  return typeof version === "string" ? members : undefined;
};

const isTombstone = (image: Image | undefined, attribute: string): boolean =>
  guardIn(image?.[attribute])?.removed !== undefined;

const withoutGuard = (image: Image, attribute: string): Image => {
  if (guardIn(image[attribute]) === undefined) return image;
  const { [attribute]: _, ...rest } = image;
  return rest;
};

/** Returns the record with each image that exists and is not a tombstone, without its guard. */
const withVisibleImages = (record: StreamRecord, eventName: string, attribute: string): StreamRecord => {
  const { NewImage: after, OldImage: before, ...rest } = record.dynamodb ?? {};
  const isShown = (image: Image | undefined): image is Image => image !== undefined && !isTombstone(image, attribute);
  return {
    ...record,
    eventName,
    dynamodb: {
      ...rest,
      ...(isShown(after) && { NewImage: withoutGuard(after, attribute) }),
      ...(isShown(before) && { OldImage: withoutGuard(before, attribute) }),
    },
  };
};

/**
 * Returns what happened to the item if tombstones are items that do not exist: a live item that becomes a tombstone is
 * removed, and a tombstone that becomes a live item is inserted. A record without guards is returned as it is.
 */
export const visibleRecord = (record: StreamRecord, attribute: string): VisibleRecord => {
  const { NewImage: after, OldImage: before } = record?.dynamodb ?? {};
  if (after?.[attribute] === undefined && before?.[attribute] === undefined) return { record, isUnchanged: false };
  const { eventName = "" } = record;
  if (!eventNames.includes(eventName)) return { record, isUnchanged: false };
  const existed = eventName !== "INSERT" && !isTombstone(before, attribute);
  const exists = eventName !== "REMOVE" && !isTombstone(after, attribute);
  if (!exists) return { record: withVisibleImages(record, "REMOVE", attribute), isUnchanged: !existed };
  return {
    record: withVisibleImages(record, existed ? eventName : "INSERT", attribute),
    isUnchanged: false,
  };
};
