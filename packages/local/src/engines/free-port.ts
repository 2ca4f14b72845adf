// Ports for servers that cannot choose a free port themselves.

import { createServer } from "node:net";
import { EngineFailedError } from "./engine-error.ts";

const attempts = 3;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address === null || typeof address === "string" ? reject(address) : resolve(address.port)));
    });
  });

const isPortTaken = (error: unknown): boolean =>
  error instanceof EngineFailedError && /address (is )?already in use/i.test(error.message);

/** Starts a server on a free port of 127.0.0.1. Tries another port when a different process takes the port first. */
export const onFreePort = async <Server>(start: (port: number) => Promise<Server>): Promise<Server> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === attempts || !isPortTaken(error)) throw error;
    }
  }
};
