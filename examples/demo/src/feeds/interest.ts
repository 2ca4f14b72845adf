// Decides which films a feed gets, and finds the film of a stream record.

import type { StreamRecord } from "@sluice/core/envelope";

/** Selects films: a feed gets the changes of films whose `attribute` is at least `atLeast`. */
export interface Interest {
  readonly attribute: string;
  readonly atLeast: number;
}

/** Returns the id of the film that the stream record changes. */
export const filmIdOf = ({ dynamodb }: StreamRecord): string => {
  const id = dynamodb?.Keys?.filmId;
  return id !== undefined && "N" in id ? id.N : "";
};

/** Returns true if the record belongs to the feed. Reads the raw record, independently of the mapper. */
export const isWanted = (interest: Interest | undefined, { dynamodb }: StreamRecord): boolean => {
  if (interest === undefined) return true;
  const value = (dynamodb?.NewImage ?? dynamodb?.OldImage)?.[interest.attribute];
  return value !== undefined && "N" in value && Number(value.N) >= interest.atLeast;
};
