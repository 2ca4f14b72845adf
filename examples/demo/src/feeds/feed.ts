// A feed is a route of the pipeline. It can list the messages that the route's receiver got, in the order of arrival.

import type { Change } from "@sluice/core";
import type { Faults } from "../faults.ts";
import type { FilmsPipeline } from "../replicas/replica.ts";
import type { Interest } from "./interest.ts";

/** A message about a change, as the receiver got the message. */
export interface ReceivedChange {
  readonly idempotencyKey: string;
  readonly version: string;
  readonly filmId: string;
  readonly kind: string;
}

/** A target that gets a message for every change, and the local receiver of these messages. */
export interface Feed {
  readonly name: string;
  /** Describes the kind of target, and the mechanism that prevents duplicates. */
  readonly about: string;
  /** Selects the films of the feed. If undefined, the feed gets every film. */
  readonly interest: Interest | undefined;
  /** Adds the feed's route to the pipeline. The sink of the route has the planned faults. */
  readonly addTo: (pipeline: FilmsPipeline, faults: Faults) => FilmsPipeline;
  /** Returns all messages that have arrived. Call this function only once, because it empties the queues. */
  readonly received: () => Promise<readonly ReceivedChange[]>;
  readonly close: () => Promise<void>;
}

/** The content of every message. */
export interface FilmMessage {
  readonly filmId: string;
  readonly kind: string;
  readonly title: string;
}

/** Returns the message about a change, or undefined if the film does not belong to the feed. */
export const filmChange = (change: Change, interest: Interest | undefined): FilmMessage | undefined => {
  const film = change.after ?? change.before ?? {};
  if (interest !== undefined && !(Number(String(film[interest.attribute])) >= interest.atLeast)) return undefined;
  return { filmId: String(change.keys.filmId), kind: change.kind, title: String(film.Title ?? "") };
};
