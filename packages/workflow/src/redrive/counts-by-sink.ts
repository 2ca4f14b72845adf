// Counts by sink and code. The names come from messages, so their number and length are limited: the state of the state
// machine must stay small.

/** Numbers of messages, first by sink and then by code. */
export type CountsBySink = { readonly [sink: string]: { readonly [code: string]: number } };

const maxSinks = 20;
const maxCodes = 20;
const maxNameLength = 80;

/** Name under which all names beyond the limit are counted. */
const otherName = "other";

/** Characters that take more than one byte in JSON. */
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
  // `fromEntries`, because a name may be `__proto__`.
  const withCode = Object.fromEntries([...Object.entries(codes), [codeName, count + 1]]);
  return Object.fromEntries([...Object.entries(counts), [sinkName, withCode]]);
};

/** Returns the sum of all counts. */
export const totalOf = (counts: CountsBySink): number =>
  Object.values(counts)
    .flatMap((codes) => Object.values(codes))
    .reduce((sum, count) => sum + count, 0);

/** Formats a line for each sink and code, the largest count first: `  60  webhook  SINK_REJECTED`. */
export const countLines = (counts: CountsBySink): string[] =>
  Object.entries(counts)
    .flatMap(([sink, codes]) => Object.entries(codes).map(([code, count]) => ({ sink, code, count })))
    .sort((a, b) => b.count - a.count)
    .map(({ sink, code, count }) => `${String(count).padStart(6)}  ${sink}  ${code}`);
