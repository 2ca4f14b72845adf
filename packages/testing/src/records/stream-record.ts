// DynamoDB stream records and events, as Lambda delivers them. Within a process, equal options give equal records.

import { createHash } from "node:crypto";
import type { StreamViewType } from "@sluice/core/envelope";
import {
  type Change,
  ConfigError,
  checkOptionNames,
  decodeRecord,
  type Image,
  type OptionNames,
  type Origin,
  type StreamRecord,
} from "@sluice/core/sink-kit";
import { type PlainItem, toImage } from "./image.ts";

/** Options of a stream record. `before`, `after` or both are required. */
export interface RecordOptions {
  /** The item before the change. Without `after` the record is a REMOVE, and with `after` it is a MODIFY. */
  readonly before?: PlainItem | undefined;
  /** The item after the change. Without `before` the record is an INSERT. */
  readonly after?: PlainItem | undefined;
  /** Names of the key attributes; names that the item lacks are ignored. Default `["pk", "sk"]`. */
  readonly keyNames?: readonly string[];
  /** Position in the stream, from 1. A later change has a higher position. Default 1. */
  readonly position?: number;
  /** The exact sequence number, instead of one derived from `position`. */
  readonly sequenceNumber?: string;
  /** Default `NEW_AND_OLD_IMAGES`. Images that the view type excludes are left out. */
  readonly viewType?: StreamViewType;
  /** Default `Orders`. */
  readonly tableName?: string;
  /** Creation time of the stream, the last part of its ARN. Default `2026-01-02T03:04:05.678`. */
  readonly streamLabel?: string;
  /** Time of the change, such as `2026-01-02T03:04:05Z`. Default: about an hour before this process started. */
  readonly createdAt?: string;
  /** Whether DynamoDB's TTL service removed the item. */
  readonly isTtlRemoval?: boolean;
}

/** The event with which a DynamoDB stream invokes a function. */
export interface StreamEvent {
  readonly Records: readonly StreamRecord[];
}

/**
 * Time of the first change in epoch seconds, because a pipeline refuses to redrive changes that are weeks old. Ten changes
 * in a row have the same second, as can happen in DynamoDB.
 */
const firstSecond = Math.floor(Date.now() / 1_000) - 3_600;

const secondOf = ({ createdAt, position = 1 }: RecordOptions): number => {
  if (createdAt === undefined) return firstSecond + Math.floor(position / 10);
  const second = Math.floor(Date.parse(createdAt) / 1_000);
  if (!Number.isNaN(second)) return second;
  throw new ConfigError(
    "CONFIG_INVALID",
    `[testing] createdAt is ${createdAt}; expected a time such as 2026-01-02T03:04:05Z`,
  );
};

/**
 * Creates a number that resembles real sequence numbers: a counter times 10^20, plus some digits. From position 10 on,
 * the number has one more digit, so that tests detect a comparison of sequence numbers as text.
 */
const sequenceNumberAt = (position: number): string => {
  if (Number.isSafeInteger(position) && position > 0) return String(BigInt(position) * 10n ** 20n + 78_103_991n);
  throw new ConfigError("CONFIG_INVALID", `[testing] position is ${position}; expected a whole number above 0`);
};

const keyImage = (image: Image, keyNames: readonly string[]): Image =>
  Object.fromEntries(keyNames.flatMap((name) => (image[name] === undefined ? [] : [[name, image[name]]])));

const eventNameOf = ({ before, after }: RecordOptions): string => {
  if (before === undefined) return "INSERT";
  return after === undefined ? "REMOVE" : "MODIFY";
};

const byteLength = (images: readonly (Image | undefined)[]): number =>
  images.reduce((bytes, image) => bytes + (image === undefined ? 0 : Buffer.byteLength(JSON.stringify(image))), 0);

const streamData = (options: RecordOptions, sequenceNumber: string): NonNullable<StreamRecord["dynamodb"]> => {
  const { before, after, keyNames = ["pk", "sk"], viewType = "NEW_AND_OLD_IMAGES" } = options;
  const carriesNew = after !== undefined && (viewType === "NEW_IMAGE" || viewType === "NEW_AND_OLD_IMAGES");
  const carriesOld = before !== undefined && (viewType === "OLD_IMAGE" || viewType === "NEW_AND_OLD_IMAGES");
  const newImage = carriesNew ? toImage(after) : undefined;
  const oldImage = carriesOld ? toImage(before) : undefined;
  const keys = keyImage(toImage(after ?? before ?? {}), keyNames);
  if (Object.keys(keys).length === 0) {
    throw new ConfigError("CONFIG_INVALID", `[testing] keyNames: the item has none of ${keyNames.join(", ")}`);
  }
  return {
    ApproximateCreationDateTime: secondOf(options),
    Keys: keys,
    ...(newImage && { NewImage: newImage }),
    ...(oldImage && { OldImage: oldImage }),
    SequenceNumber: sequenceNumber,
    SizeBytes: byteLength([keys, newImage, oldImage]),
    StreamViewType: viewType,
  };
};

const known: OptionNames<RecordOptions> = {
  before: true,
  after: true,
  keyNames: true,
  position: true,
  sequenceNumber: true,
  viewType: true,
  tableName: true,
  streamLabel: true,
  createdAt: true,
  isTtlRemoval: true,
};

/**
 * Creates a stream record from plain items, as Lambda delivers it. Equal options give equal event ids, too.
 * @throws {ConfigError} CONFIG_INVALID when `before` and `after` are missing, when the item has no key attribute,
 * when the position is not a whole number above 0, or when `createdAt` is not a time.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html (read 2026-11-23)
 */
export const streamRecord = (options: RecordOptions): StreamRecord => {
  checkOptionNames("streamRecord", options, known);
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

/** Creates the event with which a DynamoDB stream delivers these records. */
export const streamEvent = (records: readonly StreamRecord[]): StreamEvent => ({ Records: records });

/** Creates a decoded change, for tests of a sink without a pipeline. */
export const streamChange = (options: RecordOptions, origin: Origin = "stream"): Change =>
  decodeRecord(streamRecord(options), origin);
