// Counts messages by sink and code. The state machine stores the counts, and its storage is limited. A message may
// contain any sink and code, so the number and the length of these names are limited, too.

import { plainName } from "./plain-text.ts";

/** Number of messages for each sink and code. */
export type CountsBySink = { readonly [sink: string]: { readonly [code: string]: number } };

const maxSinks = 20;
const maxCodes = 20;
const maxNameLength = 80;

/** If there are too many different names, all further names are counted under this name. */
const otherName = "other";

/** Characters that may take more than one byte in JSON. */
const unusual = /[^\w .:/@+-]/g;

const nameIn = (counts: object, name: string, maxNames: number): string => {
  const short = name.slice(0, maxNameLength).replace(unusual, "?");
  return Object.hasOwn(counts, short) || Object.keys(counts).length < maxNames ? short : otherName;
};

/** Returns the counts with one message added. */
export const addCount = (counts: CountsBySink, sink: string, code: string): CountsBySink => {
  const sinkName = nameIn(counts, sink, maxSinks);
  const codes = Object.hasOwn(counts, sinkName) ? (counts[sinkName] as CountsBySink[string]) : {};
  const codeName = nameIn(codes, code, maxCodes);
  const count = Object.hasOwn(codes, codeName) ? (codes[codeName] as number) : 0;
  // `Object.fromEntries` also works for the name `__proto__`, unlike an object literal.
  const withCode = Object.fromEntries([...Object.entries(codes), [codeName, count + 1]]);
  return Object.fromEntries([...Object.entries(counts), [sinkName, withCode]]);
};

/** Returns the sum of all counts. */
export const totalOf = (counts: CountsBySink): number =>
  Object.values(counts)
    .flatMap((codes) => Object.values(codes))
    .reduce((sum, count) => sum + count, 0);

/** Formats one line for each sink and code, for a mail, such as `  60  webhook  SINK_REJECTED`. The largest count comes first. */
export const countLines = (counts: CountsBySink): string[] =>
  Object.entries(counts)
    .flatMap(([sink, codes]) => Object.entries(codes).map(([code, count]) => ({ sink, code, count })))
    .sort((a, b) => b.count - a.count)
    .map(({ sink, code, count }) => `${String(count).padStart(6)}  ${plainName(sink)}  ${plainName(code)}`);
