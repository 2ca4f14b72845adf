// Ports for servers that cannot choose one themselves.

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

/** Starts a server on a free loopback port, and on another one where somebody was faster. */
export const onFreePort = async <Server>(start: (port: number) => Promise<Server>): Promise<Server> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === attempts || !isPortTaken(error)) throw error;
    }
  }
};
