// An HTTP receiver in this process as a target. The sink has no client that the test could replace, so the receiver
// must refuse the requests that fail by plan.

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Sink, WriteResult } from "@sluice/core/sink-kit";
import { type WebhookMessage, webhookSink } from "@sluice/sink-webhook";
import type { Environment } from "./faulty-environments.ts";
import type { Arrival, Target } from "./run.ts";

/** The status of the next response for an idempotency key. A key without a status gets 204. */
type Refusals = Map<string, 403 | 429>;

/** Wraps the sink. The plan of the environment decides which requests fail. */
const withFaults = (
  sink: Sink<WebhookMessage, "append">,
  environment: Environment,
  refusals: Refusals,
): Sink<WebhookMessage, "append"> => ({
  ...sink,
  write: async (batch, context) => {
    const key = batch[0]?.idempotencyKey ?? "";
    let results: readonly WriteResult[] = [];
    const accepted = await environment.request(1, async (isFailing) => {
      if (isFailing(0)) refusals.set(key, 403);
      results = await sink.write(batch, context);
    });
    if (accepted !== "throttled") return results;
    refusals.set(key, 429);
    return sink.write(batch, context);
  },
});

/** Opens a target that has its own receiver. */
export const webhookTarget = async (): Promise<Target> => {
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
      // A long timeout, because a busy machine may be slow, and a request must not time out.
      const sink = webhookSink({ url, secrets: [], allowAddresses: ["127.0.0.1"], concurrency: 1, timeoutMs: 600_000 });
      return withFaults(sink, environment, refusals) as never;
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
