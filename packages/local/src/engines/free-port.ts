// Ports for servers that cannot choose a free port themselves.

import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { EngineFailedError } from "./engine-error.ts";

const attempts = 3;

/** Makes a server of this process listen on a free port of 127.0.0.1, and returns the port. */
export const listen = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

/** Closes a server; resolves when its last connection has ended. */
export const closeServer = async (server: Server): Promise<void> => {
  server.close();
  await once(server, "close");
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  const port = await listen(server);
  await closeServer(server);
  return port;
};

const isPortTaken = (error: unknown): boolean =>
  error instanceof EngineFailedError && /address (is )?already in use/i.test(error.message);

/** Starts a server on a free port of 127.0.0.1. Tries another port if another process takes the port first. */
export const onFreePort = async <Server>(start: (port: number) => Promise<Server>): Promise<Server> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === attempts || !isPortTaken(error)) throw error;
    }
  }
};
