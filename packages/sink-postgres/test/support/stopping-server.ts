// A fake Postgres server. It accepts a client, and in the same packet reports that it is shutting down.

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

/** The messages AuthenticationOk and ReadyForQuery, and the error of a server that is shutting down. */
const farewell = Buffer.concat([
  message("R", Buffer.alloc(4)),
  message("Z", Buffer.from("I")),
  message("E", Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0")),
]);

export const openStoppingServer = async (): Promise<{ readonly port: number; readonly close: () => Promise<void> }> => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(farewell));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
};
