// An HTTP receiver for the account, in this process. It refuses what the day wants refused: the sink has no client that
// could do so.

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Sink, WriteResult } from "@sluice/core/sink-kit";
import { type WebhookMessage, webhookSink } from "@sluice/sink-webhook";
import type { Environment } from "./faulty-environments.ts";
import type { Arrival, Target } from "./run.ts";

/** Statuses of the next answers, by idempotency key; 204 for all others. */
type Refusals = Map<string, 403 | 429>;

/** The sink, but that its environment may die, and that its requests are refused as the day wants. */
const onItsDay = (
  sink: Sink<WebhookMessage, "append">,
  environment: Environment,
  refusals: Refusals,
): Sink<WebhookMessage, "append"> => ({
  ...sink,
  write: async (batch, context) => {
    const key = batch[0]?.idempotencyKey ?? "";
    let settled: readonly WriteResult[] = [];
    const taken = await environment.request(1, async (isSpoilt) => {
      if (isSpoilt(0)) refusals.set(key, 403);
      settled = await sink.write(batch, context);
    });
    if (taken !== "throttled") return settled;
    refusals.set(key, 429);
    return sink.write(batch, context);
  },
});

/** A webhook's receiver. */
export const hookTarget = async (): Promise<Target> => {
  const arrived: Arrival[] = [];
  const refusals: Refusals = new Map();
  const receive = async (request: IncomingMessage): Promise<number> => {
    const body = await text(request);
    const key = String(request.headers["idempotency-key"]);
    const refusal = refusals.get(key);
    refusals.delete(key);
    if (refusal === undefined) arrived.push(JSON.parse(body) as Arrival);
    return refusal ?? 204;
  };
  const server = createServer((request, response) => {
    receive(request).then(
      (status) => response.writeHead(status).end(),
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    toMessage: (body) => ({ body }),
    sink: (environment) => {
      // No answer is late but by plan, however busy the machine is.
      const sink = webhookSink({ url, secrets: [], allowAddresses: ["127.0.0.1"], concurrency: 1, timeoutMs: 600_000 });
      return onItsDay(sink, environment, refusals) as never;
    },
    arrived: async () => arrived,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
