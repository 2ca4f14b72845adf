// The stream records that a backfill and a repair send to a pipeline's handler. Their versions have a fraction, so that they
// take their place among the versions of the stream: docs/decisions/0060-versions-with-a-fraction.md.

import { hash } from "node:crypto";
import { type Image, itemKeyOf, type StreamRecord } from "@sluice/core/envelope";

/** Where the records of a run come from, and what they have in common. */
export interface RecordOrigin {
  /** The run's id, which is the first part of each record's `eventID`. */
  readonly run: string;
  /** ARN of the table's present stream. Its label is the epoch of the records' versions. */
  readonly streamArn: string;
  /** Names of the table's key attributes. */
  readonly keyNames: readonly string[];
}

/** Microseconds since 1970, as 16 digits: the fraction of a version. */
export type Micros = string;

/** Returns a time as 16 digits. `ms` is in milliseconds since 1970, and may have a fraction. */
export const microsOf = (ms: number): Micros => String(Math.floor(ms * 1_000)).padStart(16, "0");

/** Returns the attributes of the item's key. @throws when the item lacks one of them. */
export const keysOf = (item: Image, keyNames: readonly string[]): Image => {
  const keys: Record<string, Image[string]> = {};
  for (const name of keyNames) {
    const value = item[name];
    if (value === undefined)
      throw new TypeError(`an item has no key attribute ${name}; expected ${keyNames.join(", ")}`);
    keys[name] = value;
  }
  return keys;
};

const eventIdOf = (run: string, keys: Image): string => `${run}:${hash("sha256", itemKeyOf(keys)).slice(0, 16)}`;

let latest = { streamArn: "", region: "" };

/** All records of a run have the same stream, so its region is computed once. */
const regionOf = (streamArn: string): string => {
  if (latest.streamArn !== streamArn) latest = { streamArn, region: streamArn.split(":")[3] ?? "" };
  return latest.region;
};

/** What a record says of an item. */
interface ItemState {
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly keys: Image;
  readonly item: Image | undefined;
  /** The item before; present only if the source has the old images of all changes. */
  readonly before?: Image | undefined;
  readonly sequenceNumber: string;
  readonly streamArn: string;
}

const recordOf = (run: string, state: ItemState, atMs: number): StreamRecord => ({
  eventID: eventIdOf(run, state.keys),
  eventName: state.eventName,
  eventVersion: "1.1",
  eventSource: "aws:dynamodb",
  awsRegion: regionOf(state.streamArn),
  eventSourceARN: state.streamArn,
  dynamodb: {
    ApproximateCreationDateTime: Math.floor(atMs / 1_000),
    Keys: state.keys,
    ...(state.item && { NewImage: state.item }),
    ...(state.before && { OldImage: state.before }),
    SequenceNumber: state.sequenceNumber,
    StreamViewType: state.before === undefined ? "NEW_IMAGE" : "NEW_AND_OLD_IMAGES",
  },
});

const msOf = (micros: Micros): number => Number(micros) / 1_000;

/**
 * Creates the record of an item that was read from the table, or from an export, at or after `asOf`. Its version is below
 * every change of the stream, and above every record of an earlier run. It is an insert, so an item that matches no
 * filter costs no request.
 */
export const backfillRecord = (origin: RecordOrigin, item: Image, asOf: Micros): StreamRecord => {
  const keys = keysOf(item, origin.keyNames);
  const { run, streamArn } = origin;
  return recordOf(run, { eventName: "INSERT", keys, item, sequenceNumber: `0.${asOf}`, streamArn }, msOf(asOf));
};

/** Creates the record of an item that does not exist, as of a time. */
export const absenceRecord = (origin: RecordOrigin, keys: Image, asOf: Micros): StreamRecord => {
  const { run, streamArn } = origin;
  return recordOf(
    run,
    { eventName: "REMOVE", keys, item: undefined, sequenceNumber: `0.${asOf}`, streamArn },
    msOf(asOf),
  );
};

/** What an incremental export says of an item: the states at the end and at the start of its window. */
export interface ExportedChange {
  readonly keys: Image;
  readonly newImage: Image | undefined;
  readonly oldImage: Image | undefined;
  /** Whether the export has old images. If not, an item with a new image alone may have existed before. */
  readonly hasOldImages: boolean;
  readonly writtenAt: Micros;
}

const nameOfChange = ({ newImage, oldImage, hasOldImages }: ExportedChange): ItemState["eventName"] => {
  if (newImage === undefined) return "REMOVE";
  return hasOldImages && oldImage === undefined ? "INSERT" : "MODIFY";
};

/**
 * Creates the record of an item in an incremental export. Its version orders it among the records of other exports and of
 * backfills, by the time of the write, and is below every change of the stream.
 */
export const incrementalRecord = ({ run, streamArn }: RecordOrigin, change: ExportedChange): StreamRecord => {
  const { keys, newImage, oldImage, hasOldImages, writtenAt } = change;
  const before = hasOldImages ? oldImage : undefined;
  const eventName = nameOfChange(change);
  const sequenceNumber = `0.${writtenAt}`;
  return recordOf(run, { eventName, keys, item: newImage, before, sequenceNumber, streamArn }, msOf(writtenAt));
};

const later = (one: Micros, other: Micros): Micros => (one > other ? one : other);

/** Returns the first part of a version: the epoch of its stream. */
export const epochOf = (version: string): string => version.slice(0, 17);

/** Returns the stream's ARN with another epoch as its label: `20260102030405678` becomes `2026-01-02T03:04:05.678`. */
const withEpoch = (streamArn: string, epoch: string): string => {
  const [year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(epoch)?.slice(1) ?? [];
  return streamArn.replace(/\/stream\/.*$/, `/stream/${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}`);
};

/** What a target held of an item before the item was read from the table. */
export interface RepairBase {
  /** The version that the target held; undefined if it held neither a copy nor a tombstone. */
  readonly held: string | undefined;
  /** The epoch of the table's present stream, as `Change.version` has it. */
  readonly epoch: string;
  /** The time of the repair. */
  readonly now: Micros;
}

const versionPattern = /^\d{17}-\d{40}(\.\d{16})?$/;
const lastFraction = ".9999999999999999";

/**
 * Whether no repair can outrank what a target holds. The version is of a later epoch than the stream's, or another program
 * wrote it: the text is not a version, or it has the greatest fraction.
 */
export const isAhead = ({ held, epoch }: RepairBase): boolean => {
  if (held === undefined || epochOf(held) < epoch) return false;
  return epochOf(held) > epoch || !versionPattern.test(held) || held.endsWith(lastFraction);
};

/**
 * Creates the record that repairs a copy. `item` is the item as a consistent read returned it after the target was read;
 * undefined if it does not exist. The version is the held one with a greater fraction: the target accepts it if and only
 * if it still holds the same version, or an earlier repair of it. A version of an earlier epoch, or none, is outranked by
 * the version that a backfill of now would have.
 */
export const repairRecord = (
  { run, streamArn }: RecordOrigin,
  { keys, item }: { readonly keys: Image; readonly item: Image | undefined },
  base: RepairBase,
): StreamRecord => {
  const eventName = item === undefined ? "REMOVE" : "MODIFY";
  const nowMs = msOf(base.now);
  if (base.held === undefined || epochOf(base.held) < base.epoch) {
    return recordOf(run, { eventName, keys, item, sequenceNumber: `0.${base.now}`, streamArn }, nowMs);
  }
  const [number = "", fraction = "0"] = base.held.slice(18).split(".");
  const micros = later(base.now, String(BigInt(fraction) + 1n).padStart(16, "0"));
  const arn = withEpoch(streamArn, epochOf(base.held));
  return recordOf(run, { eventName, keys, item, sequenceNumber: `${number}.${micros}`, streamArn: arn }, nowMs);
};
