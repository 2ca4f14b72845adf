// The guard: a field of each document that stores its version, and the scripts that compare versions. OpenSearch allows
// about 75 compilations of scripts in five minutes. So a script's source is constant: only its parameters vary.

import type { SequenceNumber } from "./recent-writes.ts";

/** The field that the sink adds to a document. `ensure` maps the field, and a mapper must not return it. */
export const guardField = "_sluice";

/**
 * Returns a Painless condition that is true if the document `s` is as new as a change, so the change must not be
 * written. `version` is the change's version, `hasMessage` whether the item has a copy after the change. A tombstone of
 * the same version is older than a message: another route or sink may have written the tombstone.
 */
const isAsNew = (version: string, hasMessage: string): string =>
  `s instanceof Map&&s.version instanceof String&&s.version.compareTo(${version})>=(s.deleted==true&&${hasMessage}?1:0)`;

/**
 * Replaces a document that is older than the change or has no version. For any other document, the result is `noop`.
 * If the document is missing and the request sets `scripted_upsert`, the script runs on an empty document.
 */
export const guardScript: string = `def s=ctx._source.${guardField};def n=params.d.${guardField};if(${isAsNew("n.version", "n.deleted!=true")}){ctx.op='none'}else{ctx._source=params.d}`;

/** Changes no document. The result is `noop` if the document is as new as the change, else `updated`. */
const checkScript = `def s=ctx._source.${guardField};if(${isAsNew("params.v", "params.m")}){ctx.op='none'}`;

/** How often OpenSearch itself retries the script if another writer changes the document at the same time. */
const conflictRetries = 5;

/**
 * Returns the lines of a bulk request that create a document if it does not exist. `place` is the document's `_id` as
 * JSON text, and the routing if there is any; `document` is JSON text.
 */
export const createLines = (place: string, document: string): string => `{"create":{"_id":${place}}}\n${document}\n`;

/** Returns the lines that replace a document if its last write has the given sequence number. */
export const indexLines = (place: string, document: string, { seqNo, primaryTerm }: SequenceNumber): string =>
  `{"index":{"_id":${place},"if_seq_no":${seqNo},"if_primary_term":${primaryTerm}}}\n${document}\n`;

const scriptStart = `"script":{"source":${JSON.stringify(guardScript)},"params":{"d":`;

const updateStart = `,"retry_on_conflict":${conflictRetries}}}\n`;

/** Returns the lines that run `guardScript`, which does not replace a document that is as new. */
export const updateLines = (place: string, document: string): string =>
  `{"update":{"_id":${place}${updateStart}{"scripted_upsert":true,${scriptStart}${document}}},"upsert":{}}\n`;

/** Returns the lines that run `guardScript` only if the document exists. Otherwise, the answer has the status 404. */
export const updateExistingLines = (place: string, document: string): string =>
  `{"update":{"_id":${place}${updateStart}{${scriptStart}${document}}}}\n`;

/** Returns the lines that only find out if the document exists: the answer has the status 404, or the result `noop`. */
export const existsLines = (place: string): string => `{"update":{"_id":${place}}}\n{"doc":{}}\n`;

/**
 * Returns the lines of `updateLines` for an index whose ingest pipeline has refused the entry. OpenSearch passes only
 * the member `upsert` to a pipeline. So `upsert` is the document without the guard; with the guard, the script would
 * find its own version. Undefined for a tombstone, which is passed to no default pipeline.
 */
export const updateAfterRefusalLines = (place: string, document: string, upsert: string | undefined): string => {
  const pipeline = upsert === undefined ? ',"pipeline":"_none"' : "";
  const script = `"scripted_upsert":true,${scriptStart}${document}}}`;
  return `{"update":{"_id":${place}${pipeline}${updateStart}{${script},"upsert":${upsert ?? "{}"}}\n`;
};

const checkStart = `}}\n{"script":{"source":${JSON.stringify(checkScript)},"params":{"v":"`;

/** Returns the lines that run `checkScript`. The cost is half that of `updateLines`, because no document is sent. */
export const checkLines = (place: string, version: string, hasMessage: boolean): string =>
  `{"update":{"_id":${place}${checkStart}${version}","m":${hasMessage}}}}\n`;

/** Returns a live document's guard. `keyText` is the key as JSON text, only if the `_id` is a hash of the key. */
export const liveGuard = (version: string, keyText: string | undefined): string =>
  `"${guardField}":{"version":"${version}"${keyText === undefined ? "" : `,"key":${keyText}`}}`;

/** Returns a tombstone's guard. `deletedAt` is the time of the deletion, in milliseconds since the epoch. */
export const tombstoneGuard = (version: string, keyText: string | undefined, deletedAt: number): string =>
  `"${guardField}":{"version":"${version}","deleted":true,"deletedAt":${deletedAt}${keyText === undefined ? "" : `,"key":${keyText}`}}`;

/** Mapping of the guard's field. Indexes only the members that are used by queries: the alias's filter and `purge`. */
export const guardMapping: object = Object.freeze({
  dynamic: false,
  properties: { deleted: { type: "boolean" }, deletedAt: { type: "date" } },
});

/** The alias's filter. It hides tombstones. Documents without a guard stay visible. */
export const aliveFilter: object = Object.freeze({ bool: { must_not: { term: { [`${guardField}.deleted`]: true } } } });

/** The field with the time at which a tombstone was written. */
export const deletedAtField: string = `${guardField}.deletedAt`;

/** Returns the query for tombstones written before `time`, which is in milliseconds since the epoch. */
export const tombstonesBefore = (time: number): object => ({
  bool: {
    filter: [
      { term: { [`${guardField}.deleted`]: true } },
      { range: { [deletedAtField]: { lt: time, format: "epoch_millis" } } },
    ],
  },
});
