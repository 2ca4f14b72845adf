// What the demo wants of a feed: a route into the pipeline, and what its receiver got, in the order of arrival.

import type { Change } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import type { Faults } from "../faults.ts";
import type { FilmsPipeline } from "../replicas/replica.ts";

/** The films whose changes a feed is sent. */
export interface Interest {
  readonly attribute: string;
  readonly atLeast: number;
}

/** One message as its receiver saw it. */
export interface Arrival {
  readonly idempotencyKey: string;
  readonly version: string;
  readonly filmId: string;
  readonly kind: string;
}

/** A target that is sent every change, with a receiver of its own on loopback. */
export interface Feed {
  readonly name: string;
  /** What it is, and how repeats are kept from it. */
  readonly about: string;
  /** Undefined: every film. */
  readonly interest: Interest | undefined;
  /** Adds the feed's route; its sink fails where the faults say so. */
  readonly addTo: (pipeline: FilmsPipeline, faults: Faults) => FilmsPipeline;
  /** All that arrived so far. To be called once: queues are emptied by it. */
  readonly received: () => Promise<readonly Arrival[]>;
  readonly close: () => Promise<void>;
}

/** What every message tells of a change. */
export interface FilmChange {
  readonly filmId: string;
  readonly kind: string;
  readonly title: string;
}

/** The message's content; undefined where the feed is not interested in the film. */
export const filmChange = (change: Change, interest: Interest | undefined): FilmChange | undefined => {
  const film = change.after ?? change.before ?? {};
  if (interest !== undefined && !(Number(String(film[interest.attribute])) >= interest.atLeast)) return undefined;
  return { filmId: String(change.keys.filmId), kind: change.kind, title: String(film.Title ?? "") };
};

/** The film of a stream record. */
export const filmIdOf = ({ dynamodb }: StreamRecord): string => {
  const id = dynamodb?.Keys?.filmId;
  return id !== undefined && "N" in id ? id.N : "";
};

/** Whether a feed must be sent this record: read from the raw record, so that no mapper vouches for itself. */
export const isWanted = (interest: Interest | undefined, { dynamodb }: StreamRecord): boolean => {
  if (interest === undefined) return true;
  const value = (dynamodb?.NewImage ?? dynamodb?.OldImage)?.[interest.attribute];
  return value !== undefined && "N" in value && Number(value.N) >= interest.atLeast;
};
