// A feed: a route of the pipeline, and the messages that its receiver got, in the order of arrival.

import type { Change } from "@sluice/core";
import type { Faults } from "../faults.ts";
import type { FilmsPipeline } from "../replicas/replica.ts";
import type { Interest } from "./interest.ts";

/** A message as its receiver got it. */
export interface ReceivedChange {
  readonly idempotencyKey: string;
  readonly version: string;
  readonly filmId: string;
  readonly kind: string;
}

/** A target that gets a message for every change, with a local receiver. */
export interface Feed {
  readonly name: string;
  /** Describes the kind of target, and what protects the target from duplicates. */
  readonly about: string;
  /** The films of the feed; undefined if the feed gets every film. */
  readonly interest: Interest | undefined;
  /** Adds the feed's route, with a sink that has the planned faults. */
  readonly addTo: (pipeline: FilmsPipeline, faults: Faults) => FilmsPipeline;
  /** Returns all messages so far. Call this function only once, because it empties the queues. */
  readonly received: () => Promise<readonly ReceivedChange[]>;
  readonly close: () => Promise<void>;
}

/** The content of every message. */
export interface FilmMessage {
  readonly filmId: string;
  readonly kind: string;
  readonly title: string;
}

/** The message of a change; undefined for a film that does not belong to the feed. */
export const filmChange = (change: Change, interest: Interest | undefined): FilmMessage | undefined => {
  const film = change.after ?? change.before ?? {};
  if (interest !== undefined && !(Number(String(film[interest.attribute])) >= interest.atLeast)) return undefined;
  return { filmId: String(change.keys.filmId), kind: change.kind, title: String(film.Title ?? "") };
};
