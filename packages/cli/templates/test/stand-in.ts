// A server that stands for EventBridge, SES or your endpoint. It accepts every request, and keeps the bodies.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

interface Body {
  readonly [member: string]: unknown;
  readonly Entries?: readonly { readonly DetailType: string; readonly Detail: string }[];
}

/** Starts the server on a free port. */
export const startStandIn = async () => {
  const received: { readonly path: string; readonly body: Body }[] = [];
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as Body;
    received.push({ path: request.url ?? "", body });
    // The members that the answers of EventBridge and SES have.
    const { Entries = [] } = body;
    const answer = { Entries: Entries.map(() => ({ EventId: "1" })), FailedEntryCount: 0, MessageId: "1" };
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The bodies of the requests to a path, oldest first. */
    bodiesAt: (path: string): Body[] => received.filter((one) => one.path === path).map(({ body }) => body),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
};
