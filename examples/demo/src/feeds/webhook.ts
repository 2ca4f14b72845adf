// Sends an HTTP request to a local server for each change of a well rated film.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { webhookSink } from "@sluice/sink-webhook";
import { type Feed, type FilmMessage, filmChange, type ReceivedChange } from "./feed.ts";
import type { Interest } from "./interest.ts";

const interest: Interest = { attribute: "Rotten Tomatoes Rating", atLeast: 90 };

const arrivalOf = async (request: IncomingMessage): Promise<ReceivedChange> => {
  const { filmId, kind } = JSON.parse(await text(request)) as FilmMessage;
  const { "idempotency-key": key, "sluice-version": version } = request.headers;
  return { idempotencyKey: String(key), version: String(version), filmId, kind };
};

const receiver = (taken: ReceivedChange[]): Server =>
  createServer((request, response) => {
    arrivalOf(request).then(
      (arrival) => {
        taken.push(arrival);
        response.writeHead(204).end();
      },
      () => response.writeHead(400).end(),
    );
  });

/** Opens the feed, and starts a receiver for it. */
export const webhookFeed = async (): Promise<Feed> => {
  const taken: ReceivedChange[] = [];
  const server = receiver(taken);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // A long timeout, because a busy machine may be slow, and after a timeout the call would be repeated.
  const timeoutMs = 120_000;
  const url = `http://127.0.0.1:${port}/films`;
  const sink = webhookSink({ url, secrets: [], allowAddresses: ["127.0.0.1"], timeoutMs });
  return {
    name: sink.name,
    about: `requests about films with ${interest.attribute} from ${interest.atLeast}; a lease in DynamoDB prevents duplicates`,
    interest,
    addTo: (pipeline, { unreliable }) =>
      pipeline.to(
        unreliable(sink),
        (change) => {
          const body = filmChange(change, interest);
          return body === undefined ? undefined : { body };
        },
        { dedupe: "always" },
      ),
    received: async () => taken,
    close: async () => {
      await sink.close?.();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
