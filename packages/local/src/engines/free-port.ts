// Ports for servers that cannot choose a free port themselves.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { EngineFailedError } from "./engine-error.ts";

const attempts = 3;

/** Makes a server of this process listen on a port of 127.0.0.1, by default any free one, and returns the port. */
export const listen = async (server: Server, port = 0): Promise<number> => {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

/** Closes a server; resolves when its last connection has ended. */
export const closeServer = async (server: Server): Promise<void> => {
  server.close();
  await once(server, "close");
};

/**
 * The lowest port, and the first one that is too high. Systems give higher ones to clients, and to servers that ask for any:
 * from 32768 on Linux, from 49152 elsewhere. Another process may get such a port before the engine listens, and answer in
 * its place.
 */
const ports = [10_000, 32_000] as const;

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  try {
    await listen(server, port);
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
