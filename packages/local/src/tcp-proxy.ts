// A TCP proxy in front of a server. The proxy drops, delays or garbles the traffic, for tests of a sink whose target
// fails. For faults of single HTTP responses, use faulty-proxy.ts.

import { connect, createServer, type Socket } from "node:net";
import { closeServer, listen } from "./engines/free-port.ts";

/**
 * What the proxy does with the traffic.
 *
 * - `pass`: forwards both directions.
 * - `refuse`: closes the open connections and every new one.
 * - `hang`: forwards nothing, and keeps the connections open.
 * - `drop-request`: closes the connection when the client sends data, and does not forward the data.
 * - `drop-answer`: forwards the client's data, but closes the connection instead of forwarding the answer.
 * - `slow`: delays every answer by `slowMs`.
 * - `garble`: forwards the client's data, and replaces the server's answers by random text.
 */
export type TcpProxyMode = "pass" | "refuse" | "hang" | "drop-request" | "drop-answer" | "slow" | "garble";

/** A proxy in front of one server. */
export interface TcpProxy {
  /** The server's URL, with the proxy's port. */
  readonly url: string;
  /** Sets the mode at once, or after the clients have sent `afterPieces` more chunks of data. */
  readonly setMode: (mode: TcpProxyMode, afterPieces?: number) => void;
  /** Closes every open connection. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
}

const garbage = Buffer.from("?! 4711 of nothing\r\n");

/** Holds the current mode, and the mode that follows after a number of chunks. */
const modeSwitch = (onRefuse: () => void) => {
  let mode: TcpProxyMode = "pass";
  let next: { readonly mode: TcpProxyMode; piecesLeft: number } | undefined;
  const enter = (chosen: TcpProxyMode): void => {
    mode = chosen;
    next = undefined;
    if (mode === "refuse") onRefuse();
  };
  return {
    mode: () => mode,
    setMode: (chosen: TcpProxyMode, afterPieces: number): void => {
      if (afterPieces === 0) enter(chosen);
      else next = { mode: chosen, piecesLeft: afterPieces };
    },
    countPiece: (): void => {
      if (next?.piecesLeft === 0) enter(next.mode);
      else if (next !== undefined) next.piecesLeft -= 1;
    },
  };
};

/** Connects a client with the server. The mode at the time when data arrives decides what happens to the data. */
const join = (client: Socket, upstream: Socket, slowMs: number, modes: ReturnType<typeof modeSwitch>): void => {
  client.on("close", () => upstream.destroy());
  upstream.on("close", () => client.destroy());
  client.on("data", (bytes) => {
    modes.countPiece();
    const mode = modes.mode();
    if (mode === "drop-request" || mode === "refuse") client.destroy();
    else if (mode !== "hang") upstream.write(bytes);
  });
  upstream.on("data", (bytes) => {
    const mode = modes.mode();
    if (mode === "drop-answer") client.destroy();
    else if (mode === "garble") client.write(garbage);
    else if (mode === "slow") setTimeout(() => client.write(bytes), slowMs);
    else if (mode !== "hang") client.write(bytes);
  });
};

/** Starts a proxy on a free port of 127.0.0.1 for the server at this URL. The URL may have any scheme. */
export const startTcpProxy = async (
  serverUrl: string,
  { slowMs = 200 }: { readonly slowMs?: number } = {},
): Promise<TcpProxy> => {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const modes = modeSwitch(cut);
  const server = createServer((client) => {
    if (modes.mode() === "refuse") {
      client.destroy();
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    join(client, upstream, slowMs, modes);
  });
  const url = new URL(serverUrl);
  url.port = String(await listen(server));
  server.unref();
  return {
    url: url.href,
    setMode: (chosen, afterPieces = 0) => modes.setMode(chosen, afterPieces),
    cut,
    stop: async () => {
      cut();
      await closeServer(server);
    },
  };
};
