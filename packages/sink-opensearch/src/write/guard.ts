// The guard: its field in a document, and the scripts that compare versions. The server allows some 75 compilations in
// five minutes. So a script's source never varies, and all variable data is in its parameters.

import type { SequenceNumber } from "./recent-writes.ts";

/** The field that the sink adds to a document. `ensure` maps the field, and a mapper must not return it. */
export const guardField = "_sluice";

/** Returns a Painless condition: the document `ctx._source` has the version in the expression, or a newer version. */
const isAsNew = (version: string): string =>
  `s instanceof Map&&s.version instanceof String&&s.version.compareTo(${version})>=0`;

/**
 * Replaces a document that has a lower version or no version. For any other document, the answer is `noop`. A scripted
 * upsert starts from an empty document, so a missing document needs no branch.
 */
export const guardScript: string = `def s=ctx._source.${guardField};if(${isAsNew(`params.d.${guardField}.version`)}){ctx.op='none'}else{ctx._source=params.d}`;

/** The answer is `noop` for a document with this version or a newer one, else `updated`, without a change. */
const checkScript = `def s=ctx._source.${guardField};if(${isAsNew("params.v")}){ctx.op='none'}`;

/** Number of times that the server itself retries the script, after a conflict with another writer of the document. */
const conflictRetries = 5;

/** Returns the lines of a bulk request that create the document, given as JSON text, unless it exists. */
export const createLines = (idText: string, document: string): string => `{"create":{"_id":${idText}}}\n${document}\n`;

/** Returns the lines that replace the document, unless it was written again after the write with this number. */
export const indexLines = (idText: string, document: string, { seqNo, primaryTerm }: SequenceNumber): string =>
  `{"index":{"_id":${idText},"if_seq_no":${seqNo},"if_primary_term":${primaryTerm}}}\n${document}\n`;

const updateStart = `,"retry_on_conflict":${conflictRetries}}}\n{"scripted_upsert":true,"script":{"source":${JSON.stringify(guardScript)},"params":{"d":`;

/** Returns the lines that write the document if the guard's script allows it. */
export const updateLines = (idText: string, document: string): string =>
  `{"update":{"_id":${idText}${updateStart}${document}}},"upsert":{}}\n`;

const checkStart = `}}\n{"script":{"source":${JSON.stringify(checkScript)},"params":{"v":"`;

/** Returns lines that check if the document has this version or a newer one, at half the cost of sending it. */
export const checkLines = (idText: string, version: string): string =>
  `{"update":{"_id":${idText}${checkStart}${version}"}}}\n`;

/** Returns a live document's guard. `keyText`: the item's key as JSON text, if the document's `_id` is its hash. */
export const liveGuard = (version: string, keyText: string | undefined): string =>
  `"${guardField}":{"version":"${version}"${keyText === undefined ? "" : `,"key":${keyText}`}}`;

/** Returns a tombstone's guard. `deletedAt` is the time of its write, in milliseconds since the epoch. */
export const tombstoneGuard = (version: string, keyText: string | undefined, deletedAt: number): string =>
  `"${guardField}":{"version":"${version}","deleted":true,"deletedAt":${deletedAt}${keyText === undefined ? "" : `,"key":${keyText}`}}`;

/** Mapping of the guard's field. It indexes only the members that the alias's filter and `purge` use in queries. */
export const guardMapping: object = Object.freeze({
  dynamic: false,
  properties: { deleted: { type: "boolean" }, deletedAt: { type: "date" } },
});

/** Filter of the alias. It hides tombstones, but not documents that existed before the sink. */
export const aliveFilter: object = Object.freeze({ bool: { must_not: { term: { [`${guardField}.deleted`]: true } } } });

/** Returns the query for tombstones written before this time, in milliseconds since the epoch. */
export const tombstonesBefore = (time: number): object => ({
  bool: {
    filter: [
      { term: { [`${guardField}.deleted`]: true } },
      { range: { [`${guardField}.deletedAt`]: { lt: time, format: "epoch_millis" } } },
    ],
  },
});
