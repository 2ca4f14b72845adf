// A TCP proxy on loopback before a server, which loses, holds back or garbles what goes through: for tests of what a sink
// does when its target is ill. For single HTTP answers there is faulty-proxy.ts.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * - `pass`: both ways.
 * - `refuse`: no new connection, and the open ones end.
 * - `hang`: what the client sends goes nowhere.
 * - `drop-request`: the connection ends when the client sends something, which does not arrive.
 * - `drop-answer`: the server gets what the client sends; the connection ends when it answers.
 * - `slow`: every answer comes late, by `slowMs`.
 * - `garble`: the server gets what the client sends; its answers are replaced by nonsense.
 */
export type TcpProxyMode = "pass" | "refuse" | "hang" | "drop-request" | "drop-answer" | "slow" | "garble";

/** A proxy before one server. */
export interface TcpProxy {
  /** The server's URL, through the proxy. */
  readonly url: string;
  /** From so many more pieces of what clients send on; by default at once. */
  readonly setMode: (mode: TcpProxyMode, afterPieces?: number) => void;
  /** Ends every open connection, at once. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
}

const nonsense = Buffer.from("?! 4711 of nothing\r\n");

/** What mode it is, now and after so many more pieces. */
const modeSwitch = (onRefuse: () => void) => {
  let mode: TcpProxyMode = "pass";
  let next: { readonly mode: TcpProxyMode; piecesLeft: number } | undefined;
  const become = (chosen: TcpProxyMode): void => {
    mode = chosen;
    next = undefined;
    if (mode === "refuse") onRefuse();
  };
  return {
    mode: () => mode,
    become: (chosen: TcpProxyMode, afterPieces: number): void => {
      if (afterPieces === 0) become(chosen);
      else next = { mode: chosen, piecesLeft: afterPieces };
    },
    countPiece: (): void => {
      if (next?.piecesLeft === 0) become(next.mode);
      else if (next !== undefined) next.piecesLeft -= 1;
    },
  };
};

/** Passes on what one client and the server say to each other, as the mode is at that time. */
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
    else if (mode === "garble") client.write(nonsense);
    else if (mode === "slow") setTimeout(() => client.write(bytes), slowMs);
    else if (mode !== "hang") client.write(bytes);
  });
};

/** Starts a proxy on a free loopback port before the server at this URL, whatever its scheme. */
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
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  const url = new URL(serverUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    setMode: (chosen, afterPieces = 0) => modes.become(chosen, afterPieces),
    cut,
    stop: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
};
