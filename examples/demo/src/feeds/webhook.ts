// A call for each change of a film that the critics like, to an HTTP server on loopback.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { webhookSink } from "@sluice/sink-webhook";
import { type Arrival, type Feed, type FilmChange, filmChange, type Interest } from "./feed.ts";

const interest: Interest = { attribute: "Rotten Tomatoes Rating", atLeast: 90 };

const arrivalOf = async (request: IncomingMessage): Promise<Arrival> => {
  const { filmId, kind } = JSON.parse(await text(request)) as FilmChange;
  const { "idempotency-key": key, "sluice-version": version } = request.headers;
  return { idempotencyKey: String(key), version: String(version), filmId, kind };
};

const receiver = (taken: Arrival[]): Server =>
  createServer((request, response) => {
    arrivalOf(request).then(
      (arrival) => {
        taken.push(arrival);
        response.writeHead(204).end();
      },
      () => response.writeHead(400).end(),
    );
  });

/** Opens the feed with a receiver of its own. */
export const webhookFeed = async (): Promise<Feed> => {
  const taken: Arrival[] = [];
  const server = receiver(taken);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // An answer that comes too late is lost, and its call is made again: not on a busy machine.
  const timeoutMs = 120_000;
  const url = `http://127.0.0.1:${port}/films`;
  const sink = webhookSink({ url, secrets: [], allowAddresses: ["127.0.0.1"], timeoutMs });
  return {
    name: sink.name,
    about: `calls about films with ${interest.attribute} from ${interest.atLeast}; each claimed in DynamoDB first`,
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
