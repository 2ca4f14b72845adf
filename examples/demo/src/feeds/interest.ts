// Finds out which films a feed gets, and which film a stream record is about.

import type { StreamRecord } from "@sluice/core/envelope";

/** A feed gets the changes of the films whose attribute has at least this value. */
export interface Interest {
  readonly attribute: string;
  readonly atLeast: number;
}

/** Returns the id of the film that a stream record is about. */
export const filmIdOf = ({ dynamodb }: StreamRecord): string => {
  const id = dynamodb?.Keys?.filmId;
  return id !== undefined && "N" in id ? id.N : "";
};

/** Whether this record belongs to a feed. Reads the raw record, independently of the mapper. */
export const isWanted = (interest: Interest | undefined, { dynamodb }: StreamRecord): boolean => {
  if (interest === undefined) return true;
  const value = (dynamodb?.NewImage ?? dynamodb?.OldImage)?.[interest.attribute];
  return value !== undefined && "N" in value && Number(value.N) >= interest.atLeast;
};
