// One HTTP request: its connection, its end in time, and its answer's status. Node's own client, which follows no
// redirect and reads no proxy from the environment.

import http from "node:http";
import https from "node:https";
import { type Clock, SinkError } from "@sluice/core/sink-kit";
import { classifyFailure, retryAfterMsOf } from "../classify.ts";
import type { EncodedRequest } from "../encode.ts";
import type { Settings } from "../options.ts";
import { guardedLookup } from "./address-rule.ts";

export interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
}

/** A request that got no answer. */
export interface Failure {
  readonly error: SinkError;
  /** Whether it was sent over a connection that an earlier request had left open, and that the endpoint may have closed. */
  readonly isStale: boolean;
  /** Whether the invocation's end cut it short. */
  readonly isCut: boolean;
}

export interface Requester {
  readonly send: (request: EncodedRequest, signal: AbortSignal) => Promise<Answer | Failure>;
  readonly close: () => void;
}

/** An answer's body is of no use, but a connection serves again only once it has been read: so much of it is. */
const maxDrainedBytes = 65_536;
const maxDrainMs = 200;

/** Reads the rest of an answer, or ends its connection where that is too much to read. */
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

/** Ends a request in time: `SINK_TIMEOUT`, whether the endpoint did its work or not. */
const endInTime = (settings: Settings, request: http.ClientRequest, signal: AbortSignal, over: AbortSignal): void => {
  const { name, timeoutMs, clock } = settings;
  const end = (what: string): void => {
    request.destroy(new SinkError("SINK_TIMEOUT", `[${name}] ${what}`));
  };
  const cut = (): void => end("the invocation's time was over before the endpoint answered");
  signal.addEventListener("abort", cut, { once: true, signal: over });
  const elapse = async (): Promise<void> => {
    await clock.sleep(timeoutMs, over);
    if (!over.aborted) end(`no answer within ${timeoutMs} ms`);
  };
  void elapse();
};

/** How connections are opened. Exported for its test. */
export const agentOptions = ({ tls, concurrency, resolve, rule }: Settings): https.AgentOptions => ({
  keepAlive: true,
  maxSockets: concurrency,
  lookup: guardedLookup(resolve, rule),
  // Said, because NODE_TLS_REJECT_UNAUTHORIZED=0 would decide otherwise.
  rejectUnauthorized: true,
  ...(tls.ca && { ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca] }),
  ...(tls.cert && { cert: tls.cert }),
  ...(tls.key && { key: tls.key }),
});

const agentOf = (settings: Settings): http.Agent =>
  settings.url.protocol === "http:" ? new http.Agent(agentOptions(settings)) : new https.Agent(agentOptions(settings));

/** Makes requests to one endpoint. No connection is opened before the first. */
export const requester = (settings: Settings): Requester => {
  const { name, clock } = settings;
  let agent: http.Agent | undefined;
  const start = ({ url, method, headers, body }: EncodedRequest): http.ClientRequest => {
    agent ??= agentOf(settings);
    const { request } = url.protocol === "http:" ? http : https;
    return request(url, { method, headers, agent }).end(body);
  };
  const answerOf = ({ statusCode = 0, headers }: http.IncomingMessage): Answer => ({
    status: statusCode,
    retryAfterMs: retryAfterMsOf(headers["retry-after"], clock.now()),
  });
  const failureBy = (error: Error, request: http.ClientRequest, signal: AbortSignal): Failure => ({
    error: classifyFailure(name, error),
    isStale: request.reusedSocket && !(error instanceof SinkError),
    isCut: signal.aborted,
  });
  return {
    send: (encoded, signal) =>
      new Promise((resolve) => {
        const over = new AbortController();
        const request = start(encoded);
        const settle = (outcome: Answer | Failure): void => {
          over.abort();
          resolve(outcome);
        };
        endInTime(settings, request, signal, over.signal);
        let answer: Answer | undefined;
        request.on("error", (error) => settle(answer ?? failureBy(error, request, signal)));
        // 101: Node.js would close the connection and say nothing more, neither answer nor error.
        request.on("upgrade", (response, socket) => {
          socket.destroy();
          settle(answerOf(response));
        });
        request.on("response", (response) => {
          // From here on the status stands, whatever becomes of the body.
          const stands = answerOf(response);
          answer = stands;
          response.on("error", () => undefined);
          void drain(response, clock).then(() => settle(stands));
        });
      }),
    close: () => {
      agent?.destroy();
      agent = undefined;
    },
  };
};
