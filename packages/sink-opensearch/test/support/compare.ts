// Compares a target with source items, and repairs copies, with the records that a backfill and a repair send.

import { absenceRecord, backfillRecord, keysOf, microsOf, type RecordOrigin, repairRecord } from "@sluice/backfill";
import {
  type CopyContent,
  decodeRecord,
  type HeldCopy,
  type HeldKey,
  type Image,
  type StreamRecord,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import type { OpensearchSink } from "../../src/index.ts";
import { newContext } from "./outcomes.ts";

/** The origin of records of a table `Orders`, whose stream has the label of `streamRecord`. */
export const originOf = (keyNames: readonly string[]): RecordOrigin => ({
  run: "run",
  streamArn: "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678",
  keyNames,
});

const deliveryOf = (record: StreamRecord, isLive: boolean): UpsertDelivery<object> => {
  const change = decodeRecord(record, "backfill");
  return { change, message: isLive ? change.after : undefined, earlier: [] };
};

/** What the source has of an item. `isFiltered`: the item exists, and the target should have no copy. */
export interface SourceItem {
  readonly keys: Image;
  readonly item: Image | undefined;
  readonly isFiltered?: true;
}

/** What a comparison found. */
export interface Comparison {
  readonly held: HeldCopy | undefined;
  readonly expected: CopyContent | undefined;
}

/** Reads an item's copy, and what it should be. */
export const compare = async (
  sink: OpensearchSink,
  origin: RecordOrigin,
  { keys, item, isFiltered }: SourceItem,
): Promise<Comparison> => {
  const asOf = microsOf(Date.now());
  const record = item === undefined ? absenceRecord(origin, keys, asOf) : backfillRecord(origin, item, asOf);
  const delivery = deliveryOf(record, item !== undefined && isFiltered !== true);
  const [held] = (await sink.read?.([delivery], newContext())) ?? [];
  if (delivery.message === undefined) return { held, expected: undefined };
  const [expected] = (await sink.canonical?.([delivery], newContext())) ?? [];
  return { held, expected: expected as CopyContent };
};

/** Writes the record of a repair, and returns its outcome. */
export const repair = async (
  sink: OpensearchSink,
  origin: RecordOrigin,
  { keys, item, isFiltered }: SourceItem,
  held: HeldCopy | undefined,
): Promise<string> => {
  const base = { held: held?.version, epoch: "20260102030405678", now: microsOf(Date.now()) };
  const delivery = deliveryOf(repairRecord(origin, { keys, item }, base), item !== undefined && isFiltered !== true);
  const [result] = await sink.write([delivery], newContext());
  return result?.outcome === "failed" ? result.error.code : String(result?.outcome);
};

/** Returns the source item of an image. */
export const sourceOf = (item: Image, keyNames: readonly string[]): SourceItem => ({
  keys: keysOf(item, keyNames),
  item,
});

/** Reads all pages of all parts. */
export const allKeys = async (
  sink: OpensearchSink,
  keyTypes: Readonly<Record<string, "S" | "N" | "B">>,
  { parts, limit }: { readonly parts: number; readonly limit: number },
): Promise<readonly HeldKey[]> => {
  const found: HeldKey[] = [];
  for (let part = 0; part < parts; part += 1) {
    let after: string | undefined;
    for (let page = 0; page < 1_000; page += 1) {
      const read = await sink.keys?.({ part, parts, after, limit, keyTypes }, newContext());
      found.push(...(read?.keys ?? []));
      after = read?.next;
      if (after === undefined) break;
    }
  }
  return found;
};
