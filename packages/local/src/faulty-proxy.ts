// An HTTP proxy in front of an engine. Counts requests and injects faults, for tests of a sink whose target fails.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { checkOptionNames } from "@sluice/core/sink-kit";
import { closeServer, listen } from "./engines/free-port.ts";

/** A request on its way to the engine. */
export interface ProxiedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A response that the proxy sends instead of the engine's response. */
export interface ProxyAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Decides what happens to a request. Undefined: the proxy forwards it. `drop-after-send`: the engine executes the
 * request, and the connection closes before the response. `hang`: the proxy never responds.
 */
export type ProxyScript = (request: ProxiedRequest) => ProxyDecision | Promise<ProxyDecision>;

/** What happens to a request. */
type ProxyDecision = ProxyAnswer | "drop-after-send" | "hang" | undefined;

/** The responses of a failing target, in the target's own protocol. */
export interface FaultAnswers {
  /** Tells the client to slow down. Default: status 429. */
  readonly throttle: ProxyAnswer;
  /** Tells the client that the target is unavailable. Default: status 503. */
  readonly down: ProxyAnswer;
  /** Tells the client that it lacks a permission. Default: status 403. */
  readonly deny: ProxyAnswer;
}

/** The faults of the conformance kit that concern a whole request, not one of its entries. */
export type ProxyFault = keyof FaultAnswers | "drop-after-send" | "hang" | "close-idle";

/** A proxy in front of one engine. */
export interface FaultyProxy {
  readonly endpoint: string;
  /** Number of requests since the last `reset`, including requests without a response. */
  readonly requests: () => number;
  /** Sets the script that decides about later requests. Undefined: all later requests are forwarded. */
  readonly script: (script: ProxyScript | undefined) => void;
  /** Injects the fault into all later requests. `close-idle` only closes the connections that are idle now. */
  readonly fail: (fault: ProxyFault) => void;
  /** Ends every fault and sets the count of requests to 0. */
  readonly reset: () => void;
  readonly stop: () => Promise<void>;
}

/** Forwards a request. If `isDropped`, closes the connection instead of returning the response. */
const forward = (
  target: string,
  incoming: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  isDropped: boolean,
) => {
  const { host: _, ...headers } = incoming.headers;
  const url = new URL(incoming.url ?? "/", target);
  const outgoing = request(url, { method: incoming.method ?? "POST", headers }, (answer) => {
    if (isDropped) {
      answer.resume();
      answer.on("end", () => response.socket?.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  outgoing.on("error", () => response.socket?.destroy());
  outgoing.end(body);
};

const defaultAnswers: FaultAnswers = {
  throttle: { status: 429, body: "" },
  down: { status: 503, body: "" },
  deny: { status: 403, body: "" },
};

/** Starts a proxy for the engine at the URL `target`, on a free port of 127.0.0.1. */
export const startFaultyProxy = async (target: string, answers: Partial<FaultAnswers> = {}): Promise<FaultyProxy> => {
  checkOptionNames("startFaultyProxy", answers, { throttle: true, down: true, deny: true });
  const faults: FaultAnswers = { ...defaultAnswers, ...answers };
  let script: ProxyScript | undefined;
  let requests = 0;
  const respond = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const decision = await script?.({ headers: incoming.headers, body: body.toString() });
    if (decision === "hang") return;
    if (typeof decision !== "object") return forward(target, incoming, body, response, decision === "drop-after-send");
    response.writeHead(decision.status, decision.headers);
    response.end(decision.body);
  };
  const server = createServer((incoming, response) => {
    requests += 1;
    respond(incoming, response).catch(() => incoming.socket.destroy());
  });
  const port = await listen(server);
  server.unref();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests: () => requests,
    script: (next) => {
      script = next;
    },
    fail: (fault) => {
      if (fault === "close-idle") server.closeIdleConnections();
      else script = () => (fault === "drop-after-send" || fault === "hang" ? fault : faults[fault]);
    },
    reset: () => {
      script = undefined;
      requests = 0;
    },
    stop: async () => {
      server.closeAllConnections();
      await closeServer(server);
    },
  };
};
