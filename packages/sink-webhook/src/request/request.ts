// Sends one HTTP request by Node's own client, which follows no redirects and reads no proxy settings.

import http from "node:http";
import https from "node:https";
import { type Clock, SinkError, unanswered } from "@sluice/core/sink-kit";
import { classifyFailure, retryAfterMsOf } from "../classify.ts";
import type { EncodedRequest } from "../encode.ts";
import type { WebhookSinkSettings } from "../options.ts";
import { guardedLookup } from "./address-rule.ts";

/** The answer to a request. */
export interface EndpointAnswer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
}

/** The failure of a request without an answer. */
export interface EndpointFailure {
  readonly error: SinkError;
  /** Whether the request used an idle connection that the endpoint may have closed. */
  readonly isStale: boolean;
  /** Whether the request was cut off because the invocation's time was over. */
  readonly isCut: boolean;
}

/** Sends requests to one endpoint. */
export interface Requester {
  readonly send: (request: EncodedRequest, signal: AbortSignal) => Promise<EndpointAnswer | EndpointFailure>;
  readonly close: () => void;
}

/** Limits for reading the body of an answer. The sink ignores the body, but must read it to reuse the connection. */
const maxDrainedBytes = 65_536;
const maxDrainMs = 200;

/** Reads the rest of an answer. Closes the connection if the rest is too long or too slow. */
const drain = async (response: http.IncomingMessage, clock: Clock): Promise<void> => {
  const over = new AbortController();
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxDrainedBytes) response.destroy();
  });
  for (const event of ["end", "close", "error"]) response.once(event, () => over.abort());
  await clock.sleep(maxDrainMs, over.signal);
  if (!over.signal.aborted) response.destroy();
};

/** Ends a request with SINK_TIMEOUT at its timeout, or at the end of the invocation's time. */
const endInTime = (
  settings: WebhookSinkSettings,
  request: http.ClientRequest,
  signal: AbortSignal,
  over: AbortSignal,
): void => {
  const { name, timeoutMs, clock } = settings;
  const cut = (): void => void request.destroy(unanswered(name, "the endpoint"));
  signal.addEventListener("abort", cut, { once: true, signal: over });
  const elapse = async (): Promise<void> => {
    await clock.sleep(timeoutMs, over);
    if (over.aborted) return;
    request.destroy(new SinkError("SINK_TIMEOUT", `[${name}] no answer within ${timeoutMs} ms`));
  };
  void elapse();
};

/** Returns the options of the connections. Exported for its test. */
export const agentOptions = ({ tls, concurrency, resolve, rule }: WebhookSinkSettings): https.AgentOptions => ({
  keepAlive: true,
  maxSockets: concurrency,
  lookup: guardedLookup(resolve, rule),
  // Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
  rejectUnauthorized: true,
  ...(tls.ca && { ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca] }),
  ...(tls.cert && { cert: tls.cert }),
  ...(tls.key && { key: tls.key }),
});

const agentOf = (settings: WebhookSinkSettings): http.Agent =>
  settings.url.protocol === "http:" ? new http.Agent(agentOptions(settings)) : new https.Agent(agentOptions(settings));

/** Creates a requester. It opens no connection before its first request. */
export const requester = (settings: WebhookSinkSettings): Requester => {
  const { name, clock } = settings;
  let agent: http.Agent | undefined;
  const start = ({ url, method, headers, body }: EncodedRequest): http.ClientRequest => {
    agent ??= agentOf(settings);
    const { request } = url.protocol === "http:" ? http : https;
    return request(url, { method, headers, agent }).end(body);
  };
  const answerOf = ({ statusCode = 0, headers }: http.IncomingMessage): EndpointAnswer => ({
    status: statusCode,
    retryAfterMs: retryAfterMsOf(headers["retry-after"], clock.now()),
  });
  const failureBy = (error: Error, request: http.ClientRequest, signal: AbortSignal): EndpointFailure => ({
    error: classifyFailure(name, error),
    isStale: request.reusedSocket && !(error instanceof SinkError),
    isCut: signal.aborted,
  });
  return {
    send: (encoded, signal) =>
      new Promise((resolve) => {
        const over = new AbortController();
        const request = start(encoded);
        const settle = (outcome: EndpointAnswer | EndpointFailure): void => {
          over.abort();
          resolve(outcome);
        };
        endInTime(settings, request, signal, over.signal);
        let answer: EndpointAnswer | undefined;
        request.on("error", (error) => settle(answer ?? failureBy(error, request, signal)));
        // After a 101, Node.js closes the connection and emits neither an answer nor an error.
        request.on("upgrade", (response, socket) => {
          socket.destroy();
          settle(answerOf(response));
        });
        request.on("response", (response) => {
          // From here on, the status decides the result, even if the connection breaks during the body.
          const received = answerOf(response);
          answer = received;
          response.on("error", () => undefined);
          void drain(response, clock).then(() => settle(received));
        });
      }),
    close: () => {
      agent?.destroy();
      agent = undefined;
    },
  };
};
