// Compares what the receivers got with what the stream held. It shares no code with the sinks and knows nothing of their
// keys: the account is made of the raw records that Lambda delivered.

import type { StreamRecord } from "@sluice/core/envelope";
import { type Arrival, type Feed, filmIdOf, type Interest, isWanted } from "./feeds/feed.ts";

/** DynamoDB Local fills sequence numbers up with zeros, and versions have zeros to a fixed length. */
const withoutZeros = (digits: string): string => digits.replace(/^0+/, "");

/** The stream's records, each once however often it was delivered, by sequence number. */
export type Account = Map<string, StreamRecord>;

/** Enters the records of an invocation. */
export const enter = (account: Account, records: readonly StreamRecord[]): void => {
  for (const record of records) account.set(withoutZeros(record.dynamodb?.SequenceNumber ?? ""), record);
};

/** What a feed's receiver got, against the account. All but `sent`, `arrived` and `busiest` should be 0. */
export interface Audit {
  /** Records that the feed must be sent. */
  readonly sent: number;
  readonly arrived: number;
  /** Arrivals of a change that had arrived before. */
  readonly duplicates: number;
  readonly lost: number;
  /** Arrivals of a change or film that the feed must not be sent. */
  readonly unexpected: number;
  /** Arrivals after a newer change of the same film. */
  readonly disordered: number;
  /** The film of which most arrived, and how. */
  readonly busiest: readonly Arrival[];
}

/** The version is `<epoch>-<sequence number>`. */
const sequenceNumberOf = (version: string): string => withoutZeros(version.slice(version.lastIndexOf("-") + 1));

const byFilm = (arrivals: readonly Arrival[]): Map<string, Arrival[]> => {
  const films = new Map<string, Arrival[]>();
  for (const arrival of arrivals) films.set(arrival.filmId, [...(films.get(arrival.filmId) ?? []), arrival]);
  return films;
};

const disorderedIn = (arrivals: readonly Arrival[]): number => {
  let newest = "";
  let count = 0;
  for (const { version } of arrivals) {
    if (version < newest) count += 1;
    else newest = version;
  }
  return count;
};

/** Audits one feed. */
export const audit = (account: Account, interest: Interest | undefined, arrivals: readonly Arrival[]): Audit => {
  const wanted = new Map([...account].filter(([, record]) => isWanted(interest, record)));
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
    busiest: films.reduce<readonly Arrival[]>((most, film) => (film.length > most.length ? film : most), []),
  };
};

/** Reads every receiver, and audits it. */
export const auditFeeds = async (account: Account, feeds: readonly Feed[]): Promise<ReadonlyMap<string, Audit>> => {
  const audits = new Map<string, Audit>();
  for (const { name, interest, received } of feeds) audits.set(name, audit(account, interest, await received()));
  return audits;
};

/** Whether every change arrived, once and in its turn. */
export const isExact = ({ sent, duplicates, lost, unexpected, disordered }: Audit): boolean =>
  sent > 0 && duplicates + lost + unexpected + disordered === 0;

const counted = (value: number): string => value.toLocaleString("en");

/** `3,801 sent, 3,801 arrived: 0 duplicates, 0 lost, 0 unexpected, 0 out of order`. */
export const describeAudit = ({ sent, arrived, duplicates, lost, unexpected, disordered }: Audit): string =>
  `${counted(sent)} sent, ${counted(arrived)} arrived: ${duplicates} duplicates, ${lost} lost, ` +
  `${unexpected} unexpected, ${disordered} out of order`;
