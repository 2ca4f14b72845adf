// What arrived in a queue, of messages that carry the sink's attributes.

import { drainQueue, type QueueReader } from "@sluice/local";
import type { Arrival, FilmChange } from "./feed.ts";

/** Empties the queue. */
export const queueArrivals = async (client: QueueReader, queueUrl: string): Promise<readonly Arrival[]> => {
  const messages = await drainQueue(client, queueUrl);
  return messages.map(({ body, attributes }) => {
    const { filmId, kind } = JSON.parse(body) as FilmChange;
    const { "idempotency-key": idempotencyKey = "", "sluice-version": version = "" } = attributes;
    return { idempotencyKey, version, filmId, kind };
  });
};
