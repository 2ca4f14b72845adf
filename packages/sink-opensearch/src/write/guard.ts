// The guard: what it keeps in a document, and the scripts that compare. Their sources are the same for ever, and all that
// varies is in their parameters: each source is compiled once, and servers limit compilations to some 75 in five minutes.

import type { Place } from "./recent-writes.ts";

/** The one field of ours in a document. It is mapped by `ensure`, and absent from what a mapper may return. */
export const guardField = "_sluice";

/** Painless: whether the document `ctx._source` is as new as the version, an expression. */
const isAsNew = (version: string): string =>
  `s instanceof Map&&s.version instanceof String&&s.version.compareTo(${version})>=0`;

/**
 * Replaces the document when its version is lower, or when it has none; otherwise the answer is `noop`. The document
 * that a scripted upsert starts from is empty, so that a missing one needs no branch.
 */
export const guardScript: string = `def s=ctx._source.${guardField};if(${isAsNew(`params.d.${guardField}.version`)}){ctx.op='none'}else{ctx._source=params.d}`;

/** Answers `noop` when the document is as new, and otherwise writes it as it is: `updated`. */
const checkScript = `def s=ctx._source.${guardField};if(${isAsNew("params.v")}){ctx.op='none'}`;

/** Conflicting writers of one document that the server tries again by itself. */
const conflictTries = 5;

/** Lines of a bulk request that write the document, whose JSON text this is, if there is none. */
export const createLines = (idText: string, document: string): string => `{"create":{"_id":${idText}}}\n${document}\n`;

/** Lines that replace the document if nobody has written it since that place. */
export const indexLines = (idText: string, document: string, { seqNo, primaryTerm }: Place): string =>
  `{"index":{"_id":${idText},"if_seq_no":${seqNo},"if_primary_term":${primaryTerm}}}\n${document}\n`;

const updateStart = `,"retry_on_conflict":${conflictTries}}}\n{"scripted_upsert":true,"script":{"source":${JSON.stringify(guardScript)},"params":{"d":`;

/** Lines of a bulk request that write the document if the guard lets it pass. */
export const updateLines = (idText: string, document: string): string =>
  `{"update":{"_id":${idText}${updateStart}${document}}},"upsert":{}}\n`;

const checkStart = `}}\n{"script":{"source":${JSON.stringify(checkScript)},"params":{"v":"`;

/** Lines that ask whether the document is as new as the version, at half the price of sending it. */
export const checkLines = (idText: string, version: string): string =>
  `{"update":{"_id":${idText}${checkStart}${version}"}}}\n`;

/** What a live document keeps. `keyText`: the item's key as JSON text, where the document's `_id` is its hash. */
export const liveGuard = (version: string, keyText: string | undefined): string =>
  `"${guardField}":{"version":"${version}"${keyText === undefined ? "" : `,"key":${keyText}`}}`;

/** What is left of a removed item. `deletedAt`, in ms since the epoch, is when the tombstone was written. */
export const tombstoneGuard = (version: string, keyText: string | undefined, deletedAt: number): string =>
  `"${guardField}":{"version":"${version}","deleted":true,"deletedAt":${deletedAt}${keyText === undefined ? "" : `,"key":${keyText}`}}`;

/** Mapping of the field: what filter and purge ask for. The rest of it is kept and not looked at. */
export const guardMapping: object = Object.freeze({
  dynamic: false,
  properties: {
    deleted: { type: "boolean" },
    deletedAt: { type: "date" },
  },
});

/** Filter of the alias: it hides tombstones, and shows documents from before the sink. */
export const aliveFilter: object = Object.freeze({ bool: { must_not: { term: { [`${guardField}.deleted`]: true } } } });

/** Tombstones written before this time, in ms since the epoch. */
export const tombstonesBefore = (time: number): object => ({
  bool: {
    filter: [
      { term: { [`${guardField}.deleted`]: true } },
      { range: { [`${guardField}.deletedAt`]: { lt: time, format: "epoch_millis" } } },
    ],
  },
});
