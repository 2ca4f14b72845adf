// An HTTP endpoint on loopback that a test controls.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers a request. If the script does not end the response, the request hangs. */
export type Script = (received: ReceivedRequest, response: ServerResponse) => void;

export interface Endpoint {
  readonly port: number;
  readonly url: string;
  /** Every request, including requests that got an error status. */
  readonly received: readonly ReceivedRequest[];
  /** Number of connections that were opened. */
  readonly connections: () => number;
  readonly setScript: (script: Script) => void;
  /** Closes idle connections. */
  readonly closeIdle: () => void;
  /** Closes all connections, and refuses new connections. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
}

/** Returns a script that answers each request with this status and an empty body. */
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Script =>
  (_, response) => {
    response.writeHead(code, headers).end();
  };

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

/** Starts an endpoint that answers 204, with TLS if a certificate is given. */
export const openEndpoint = async (tls?: { readonly key: string; readonly cert: string }): Promise<Endpoint> => {
  const received: ReceivedRequest[] = [];
  let script: Script = status(204);
  let connections = 0;
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "", url = "", headers } = request;
    const one = { method, path: url, headers, body: await textOf(request) };
    received.push(one);
    script(one, response);
  };
  const listen = (request: IncomingMessage, response: ServerResponse): void => {
    // Ignores the error of a request whose connection the client has closed.
    listener(request, response).catch(() => response.destroy());
  };
  const server: Server = tls === undefined ? createServer(listen) : createTlsServer(tls, listen);
  server.on("connection", () => {
    connections += 1;
  });
  server.on("tlsClientError", () => undefined);
  const start = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const port = await start(0);
  return {
    port,
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}/hook`,
    received,
    connections: () => connections,
    setScript: (next) => {
      script = next;
    },
    closeIdle: () => server.closeIdleConnections(),
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
    start: async () => {
      if (!server.listening) await start(port);
    },
  };
};
