// Ports for servers that cannot choose a free port themselves.

import { randomInt } from "node:crypto";
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

/**
 * Lowest and highest port. Systems give higher ones to clients, and to servers that ask for any: from 32768 on Linux, from
 * 49152 elsewhere. There, another process may get the port before the engine listens, and answer in its place.
 */
const ports = [10_000, 32_000] as const;

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Windows reserves some ports.
    if (code === "EADDRINUSE" || code === "EACCES") return false;
    throw error;
  }
  await closeServer(server);
  return true;
};

/** Returns a free port of 127.0.0.1 that the system gives to no other process by itself. */
export const freePort = async (): Promise<number> => {
  let port: number;
  do port = randomInt(...ports);
  while (!(await isFree(port)));
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
