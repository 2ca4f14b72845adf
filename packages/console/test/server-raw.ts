// Requests as an attacker writes them: bytes on a socket, which no client of HTTP would send.

import { once } from "node:events";
import { connect } from "node:net";

/** Sends these lines as one request. Returns all that the server answers until it closes. */
export const rawRequest = async (port: number, lines: readonly string[], body = ""): Promise<string> => {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.write(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);
  // The server may reset the connection after its answer.
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(chunks).toString();
};

/** The status of an answer. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
