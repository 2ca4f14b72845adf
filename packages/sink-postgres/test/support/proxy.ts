// A TCP proxy in front of the server, to lose connections at a chosen moment.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * - `pass`: both ways.
 * - `refuse`: no new connection, and the open ones end.
 * - `hang`: what the client sends goes nowhere.
 * - `drop-request`: the connection ends when the client sends something, which does not arrive.
 * - `drop-answer`: the server gets what the client sends; the connection ends when it answers.
 */
export type ProxyMode = "pass" | "refuse" | "hang" | "drop-request" | "drop-answer";

export interface Proxy {
  /** The server's connection string, through the proxy. */
  readonly url: string;
  readonly setMode: (mode: ProxyMode) => void;
  /** Ends every open connection, at once. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

export const openProxy = async (serverUrl: string): Promise<Proxy> => {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let mode: ProxyMode = "pass";
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (mode === "refuse") return client.destroy();
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.on("data", (bytes) => {
      if (mode === "drop-request") return client.destroy();
      if (mode !== "hang") upstream.write(bytes);
      return undefined;
    });
    upstream.on("data", (bytes) => {
      if (mode === "drop-answer") return client.destroy();
      if (mode !== "hang") client.write(bytes);
      return undefined;
    });
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(serverUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    setMode: (next) => {
      mode = next;
      if (next === "refuse") cut();
    },
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
};
