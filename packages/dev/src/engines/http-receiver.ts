// A server that stands for endpoints of webhooks, for EventBridge and for SES. It accepts every request.

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Inbox } from "./received.ts";

/** A server that accepts every request. `GET /` answers with the last messages of the inbox, newest first. */
export interface HttpReceiver {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const entriesIn = (body: string): readonly unknown[] => {
  try {
    const { Entries } = JSON.parse(body) as { readonly Entries?: unknown };
    return Array.isArray(Entries) ? Entries : [];
  } catch {
    return []; // the body of a webhook need not be JSON
  }
};

/** The members that the answers of EventBridge and SES have. */
const answerTo = (body: string): object => ({
  Entries: entriesIn(body).map(() => ({ EventId: randomUUID() })),
  FailedEntryCount: 0,
  MessageId: randomUUID(),
});

const sendJson = (response: ServerResponse, value: unknown): void => {
  response.setHeader("content-type", "application/json").end(`${JSON.stringify(value, undefined, 2)}\n`);
};

const nameOf = ({ method, url, headers }: IncomingMessage): string => {
  const target = headers["x-amz-target"];
  return typeof target === "string" ? target : `${method} ${url}`;
};

/** Starts the server on a free port of 127.0.0.1. */
export const startHttpReceiver = async (inbox: Inbox): Promise<HttpReceiver> => {
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === "GET" && request.url === "/") {
      sendJson(response, inbox.messages().toReversed());
      return;
    }
    const body = await text(request);
    inbox.add({ what: nameOf(request), body });
    sendJson(response, answerTo(body));
  };
  const server = createServer((request, response) => {
    receive(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};
