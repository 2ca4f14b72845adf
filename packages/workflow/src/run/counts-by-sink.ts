// How many, by sink and code. Names come out of messages, so that both their number and their length are bounded: what
// travels through the state machine must stay small.

/** Counts by sink, then by code. */
export type Tally = { readonly [sink: string]: { readonly [code: string]: number } };

const maxSinks = 20;
const maxCodes = 20;
const maxNameLength = 80;

/** Where names go that are one too many. */
const otherName = "other";

/** A character of one byte each, in JSON too. */
const unusual = /[^\w .:/@+-]/g;

const nameIn = (counts: object, name: string, most: number): string => {
  const short = name.slice(0, maxNameLength).replace(unusual, "?");
  return Object.hasOwn(counts, short) || Object.keys(counts).length < most ? short : otherName;
};

/** The tally with one more. */
export const tallied = (tally: Tally, sink: string, code: string): Tally => {
  const sinkName = nameIn(tally, sink, maxSinks);
  const codes = Object.hasOwn(tally, sinkName) ? (tally[sinkName] as Tally[string]) : {};
  const codeName = nameIn(codes, code, maxCodes);
  const count = Object.hasOwn(codes, codeName) ? (codes[codeName] as number) : 0;
  // By fromEntries, since a name may be __proto__.
  const withCode = Object.fromEntries([...Object.entries(codes), [codeName, count + 1]]);
  return Object.fromEntries([...Object.entries(tally), [sinkName, withCode]]);
};

/** The sum of all counts. */
export const totalOf = (tally: Tally): number =>
  Object.values(tally)
    .flatMap((codes) => Object.values(codes))
    .reduce((sum, count) => sum + count, 0);

/** A line for each sink and code, the largest first: `  60  webhook  SINK_REJECTED`. */
export const tallyLines = (tally: Tally): string[] =>
  Object.entries(tally)
    .flatMap(([sink, codes]) => Object.entries(codes).map(([code, count]) => ({ sink, code, count })))
    .sort((a, b) => b.count - a.count)
    .map(({ sink, code, count }) => `${String(count).padStart(6)}  ${sink}  ${code}`);
