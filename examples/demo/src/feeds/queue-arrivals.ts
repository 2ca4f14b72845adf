// Reads the messages of a queue, with the attributes that the sink sets.

import { drainQueue, type QueueReader } from "@sluice/local";
import type { FilmMessage, ReceivedChange } from "./feed.ts";

/** Receives and deletes all messages of the queue. */
export const queueArrivals = async (client: QueueReader, queueUrl: string): Promise<readonly ReceivedChange[]> => {
  const messages = await drainQueue(client, queueUrl);
  return messages.map(({ body, attributes }) => {
    const { filmId, kind } = JSON.parse(body) as FilmMessage;
    const { "idempotency-key": idempotencyKey = "", "sluice-version": version = "" } = attributes;
    return { idempotencyKey, version, filmId, kind };
  });
};
