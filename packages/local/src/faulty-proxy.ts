// An HTTP proxy on loopback before an engine, which counts requests and makes faults: for tests of what a sink does when
// its target is ill.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A request on its way to the engine. */
export interface ProxiedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An answer of the proxy's own. */
export interface ProxyAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * What happens to a request; undefined: it goes through. `drop-after-send`: the engine does its work, and the connection
 * ends before its answer. `hang`: there is never an answer.
 */
export type ProxyScript = (request: ProxiedRequest) => ProxyAnswer | "drop-after-send" | "hang" | undefined;

/** What the target answers when it is ill, in the words of its protocol. */
export interface IllAnswers {
  /** "Slow down." */
  readonly throttle: ProxyAnswer;
  /** "Not now." */
  readonly down: ProxyAnswer;
  /** "You may not." */
  readonly deny: ProxyAnswer;
}

/** The faults of the conformance kit that concern a request as a whole. */
export type ProxyFault = keyof IllAnswers | "drop-after-send" | "hang" | "close-idle";

/** A proxy before one engine. */
export interface FaultyProxy {
  readonly endpoint: string;
  /** Requests since the last `reset`, answered or not. */
  readonly requests: () => number;
  /** From the next request on; undefined ends every fault. */
  readonly script: (script: ProxyScript | undefined) => void;
  /** Fails from the next request on. `close-idle` happens once: it closes the connections that are open and idle. */
  readonly fail: (fault: ProxyFault) => void;
  /** Ends every fault and counts from 0. */
  readonly reset: () => void;
  readonly stop: () => Promise<void>;
}

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** Sends a request on; the answer goes back, or is lost with the connection. */
const forward = (
  target: string,
  incoming: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  isLost: boolean,
) => {
  const { host: _, ...headers } = incoming.headers;
  const url = new URL(incoming.url ?? "/", target);
  const outgoing = request(url, { method: incoming.method ?? "POST", headers }, (answer) => {
    if (isLost) {
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

const unavailable: ProxyAnswer = { status: 503, body: "" };

/** Starts a proxy on a free loopback port before this endpoint. */
export const startFaultyProxy = async (
  target: string,
  {
    throttle = { status: 429, body: "" },
    down = unavailable,
    deny = { status: 403, body: "" },
  }: Partial<IllAnswers> = {},
): Promise<FaultyProxy> => {
  const answers: IllAnswers = { throttle, down, deny };
  let script: ProxyScript | undefined;
  let requests = 0;
  const sockets = new Set<Socket>();
  const busy = new Set<Socket>();

  const closeIdle = (): void => {
    for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
  };
  const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(incoming);
    const fate = script?.({ headers: incoming.headers, body: body.toString() });
    if (fate === "hang") return;
    if (typeof fate !== "object") return forward(target, incoming, body, response, fate === "drop-after-send");
    response.writeHead(fate.status, fate.headers);
    response.end(fate.body);
  };
  const server = createServer((incoming, response) => {
    requests += 1;
    busy.add(incoming.socket);
    response.on("close", () => busy.delete(incoming.socket));
    pass(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    script: (next) => {
      script = next;
    },
    fail: (fault) => {
      if (fault === "close-idle") closeIdle();
      else script = () => (fault === "drop-after-send" || fault === "hang" ? fault : answers[fault]);
    },
    reset: () => {
      script = undefined;
      requests = 0;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
