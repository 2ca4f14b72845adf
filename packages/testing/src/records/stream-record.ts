// DynamoDB stream records and events, as Lambda delivers them. Deterministic: no clock, no randomness.

import { createHash } from "node:crypto";
import type { StreamViewType } from "@sluice/core/envelope";
import {
  type Change,
  ConfigError,
  decodeRecord,
  type Image,
  type Origin,
  type StreamRecord,
} from "@sluice/core/sink-kit";
import { type PlainItem, toImage } from "./image.ts";

/** What a stream record is made of. At least one of `before` and `after` is there. */
export interface RecordOptions {
  /** The item before the change. Alone it makes a REMOVE, together with `after` a MODIFY. */
  readonly before?: PlainItem | undefined;
  /** The item after the change. Alone it makes an INSERT. */
  readonly after?: PlainItem | undefined;
  /** Names of the table's key attributes; those that the item lacks are ignored. Default `["pk", "sk"]`. */
  readonly keyNames?: readonly string[];
  /** Place in the stream, counted from 1: a later change has a higher one. Default 1. */
  readonly position?: number;
  /** Sequence number as it is, where `position` is not enough. */
  readonly sequenceNumber?: string;
  /** Default `NEW_AND_OLD_IMAGES`. Images that the view type does not carry are left out. */
  readonly viewType?: StreamViewType;
  /** Default `Orders`. */
  readonly tableName?: string;
  /** Creation time of the stream, the last part of its ARN. Default `2026-01-02T03:04:05.678`. */
  readonly streamLabel?: string;
  /** The record of a removal by DynamoDB's TTL service. */
  readonly isTtlRemoval?: boolean;
}

/** The event of an invocation by a DynamoDB event source mapping. */
export interface StreamEvent {
  readonly Records: readonly StreamRecord[];
}

/** 2026-01-02T03:04:05Z in epoch seconds: ten positions of the stream share one second, as they may in DynamoDB. */
const firstSecond = 1_767_323_045;

/**
 * Real ones look like a counter times 10^20 and some digits more. Positions from 10 on have a digit more than those
 * before, so that a comparison as text goes wrong in tests as it does in production.
 */
const sequenceNumberAt = (position: number): string => {
  if (Number.isSafeInteger(position) && position > 0) return String(BigInt(position) * 10n ** 20n + 78_103_991n);
  throw new ConfigError("CONFIG_INVALID", `[testing] position is ${position}; expected a whole number above 0`);
};

const keysOf = (image: Image, keyNames: readonly string[]): Image =>
  Object.fromEntries(keyNames.flatMap((name) => (image[name] === undefined ? [] : [[name, image[name]]])));

const eventNameOf = ({ before, after }: RecordOptions): string => {
  if (before === undefined) return "INSERT";
  return after === undefined ? "REMOVE" : "MODIFY";
};

const byteLength = (images: readonly (Image | undefined)[]): number =>
  images.reduce((bytes, image) => bytes + (image === undefined ? 0 : Buffer.byteLength(JSON.stringify(image))), 0);

const streamData = (options: RecordOptions, sequenceNumber: string): NonNullable<StreamRecord["dynamodb"]> => {
  const { before, after, keyNames = ["pk", "sk"], position = 1, viewType = "NEW_AND_OLD_IMAGES" } = options;
  const carriesNew = after !== undefined && (viewType === "NEW_IMAGE" || viewType === "NEW_AND_OLD_IMAGES");
  const carriesOld = before !== undefined && (viewType === "OLD_IMAGE" || viewType === "NEW_AND_OLD_IMAGES");
  const newImage = carriesNew ? toImage(after) : undefined;
  const oldImage = carriesOld ? toImage(before) : undefined;
  const keys = keysOf(toImage(after ?? before ?? {}), keyNames);
  if (Object.keys(keys).length === 0) {
    throw new ConfigError("CONFIG_INVALID", `[testing] keyNames: the item has none of ${keyNames.join(", ")}`);
  }
  return {
    ApproximateCreationDateTime: firstSecond + Math.floor(position / 10),
    Keys: keys,
    ...(newImage && { NewImage: newImage }),
    ...(oldImage && { OldImage: oldImage }),
    SequenceNumber: sequenceNumber,
    SizeBytes: byteLength([keys, newImage, oldImage]),
    StreamViewType: viewType,
  };
};

/**
 * A stream record as Lambda sends it, from plain items. Equal options make equal records, event id included.
 * @throws {ConfigError} CONFIG_INVALID when there is neither `before` nor `after`, no key attribute in them, or the
 * position is no whole number above 0.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html (read 2026-11-23)
 */
export const streamRecord = (options: RecordOptions): StreamRecord => {
  const { tableName = "Orders", streamLabel = "2026-01-02T03:04:05.678", position = 1 } = options;
  if (options.before === undefined && options.after === undefined) {
    throw new ConfigError("CONFIG_INVALID", "[testing] before, after: both are missing; expected at least one");
  }
  const arn = `arn:aws:dynamodb:us-east-1:123456789012:table/${tableName}/stream/${streamLabel}`;
  const sequenceNumber = options.sequenceNumber ?? sequenceNumberAt(position);
  return {
    eventID: createHash("md5").update(`${arn} ${sequenceNumber}`).digest("hex"),
    eventName: eventNameOf(options),
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "us-east-1",
    ...(options.isTtlRemoval && { userIdentity: { type: "Service", principalId: "dynamodb.amazonaws.com" } }),
    dynamodb: streamData(options, sequenceNumber),
    eventSourceARN: arn,
  };
};

/** The event that Lambda makes of a batch of records. */
export const streamEvent = (records: readonly StreamRecord[]): StreamEvent => ({ Records: records });

/** A decoded change without a pipeline around it: for the tests of a sink. */
export const streamChange = (options: RecordOptions, origin: Origin = "stream"): Change =>
  decodeRecord(streamRecord(options), origin);
