// Compares the messages that the receivers got with the records that Lambda delivered. The audit reads the raw records
// and shares no code with the sinks.

import type { StreamRecord } from "@sluice/core/envelope";
import type { Feed, ReceivedChange } from "./feeds/feed.ts";
import { filmIdOf, type Interest, isWanted } from "./feeds/interest.ts";

/**
 * Removes leading zeros. DynamoDB Local and the versions of changes pad sequence numbers with zeros to different
 * lengths.
 */
const withoutZeros = (digits: string): string => digits.replace(/^0+/, "");

/** The records of the stream without repeats, by sequence number. */
export type SeenRecords = Map<string, StreamRecord>;

/** Adds the records of an invocation to `seen`. */
export const addRecords = (seen: SeenRecords, records: readonly StreamRecord[]): void => {
  for (const record of records) seen.set(withoutZeros(record.dynamodb?.SequenceNumber ?? ""), record);
};

/** Compares a feed's arrivals with the stream. Every count except `sent` and `arrived` should be 0. */
export interface Audit {
  /** Number of records of the stream that belong to the feed. */
  readonly sent: number;
  readonly arrived: number;
  /** Number of repeated arrivals of the same change. */
  readonly duplicates: number;
  readonly lost: number;
  /** Number of arrivals of changes that do not belong to the feed. */
  readonly unexpected: number;
  /** Number of changes that arrived after a newer change of the same film. */
  readonly disordered: number;
  /** All arrivals of the film that has the most arrivals. */
  readonly busiest: readonly ReceivedChange[];
}

/** Returns the sequence number in a version. A version has the form `<epoch>-<sequence number>`. */
const sequenceNumberOf = (version: string): string => withoutZeros(version.slice(version.lastIndexOf("-") + 1));

const byFilm = (arrivals: readonly ReceivedChange[]): Map<string, ReceivedChange[]> => {
  const films = new Map<string, ReceivedChange[]>();
  for (const arrival of arrivals) films.set(arrival.filmId, [...(films.get(arrival.filmId) ?? []), arrival]);
  return films;
};

const disorderedIn = (arrivals: readonly ReceivedChange[]): number => {
  let newest = "";
  let count = 0;
  for (const { version } of arrivals) {
    if (version < newest) count += 1;
    else newest = version;
  }
  return count;
};

/** Compares the arrivals of one feed with the records of the stream. */
export const audit = (
  records: SeenRecords,
  interest: Interest | undefined,
  arrivals: readonly ReceivedChange[],
): Audit => {
  const wanted = new Map([...records].filter(([, record]) => isWanted(interest, record)));
  const seen = new Set<string>();
  let [duplicates, unexpected] = [0, 0];
  for (const { version, filmId } of arrivals) {
    const sequenceNumber = sequenceNumberOf(version);
    const record = wanted.get(sequenceNumber);
    if (record === undefined || filmIdOf(record) !== filmId) unexpected += 1;
    else if (seen.has(sequenceNumber)) duplicates += 1;
    seen.add(sequenceNumber);
  }
  const films = [...byFilm(arrivals).values()];
  return {
    sent: wanted.size,
    arrived: arrivals.length,
    duplicates,
    unexpected,
    lost: [...wanted.keys()].filter((sequenceNumber) => !seen.has(sequenceNumber)).length,
    disordered: films.reduce((sum, film) => sum + disorderedIn(film), 0),
    busiest: films.reduce<readonly ReceivedChange[]>((most, film) => (film.length > most.length ? film : most), []),
  };
};

/** Compares the arrivals of every feed with the records of the stream. */
export const auditFeeds = async (records: SeenRecords, feeds: readonly Feed[]): Promise<ReadonlyMap<string, Audit>> => {
  const audits = new Map<string, Audit>();
  for (const { name, interest, received } of feeds) audits.set(name, audit(records, interest, await received()));
  return audits;
};

/** Returns true if every change arrived once, and in order. */
export const isExact = ({ sent, duplicates, lost, unexpected, disordered }: Audit): boolean =>
  sent > 0 && duplicates + lost + unexpected + disordered === 0;

const counted = (value: number): string => value.toLocaleString("en");

/** Returns one line: `3,801 sent, 3,801 arrived: 0 duplicates, 0 lost, 0 unexpected, 0 out of order`. */
export const describeAudit = ({ sent, arrived, duplicates, lost, unexpected, disordered }: Audit): string =>
  `${counted(sent)} sent, ${counted(arrived)} arrived: ${duplicates} duplicates, ${lost} lost, ` +
  `${unexpected} unexpected, ${disordered} out of order`;
