// A line to the console that can fall silent: it stays open, and carries nothing.

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

/** A line to a port. */
export interface SilentProxy {
  readonly port: number;
  /** Carries nothing from now on, in no direction, and accepts connections all the same. */
  readonly hush: () => void;
  /** Ends what is open. What is opened from now on is carried. */
  readonly wake: () => void;
  readonly stop: () => Promise<void>;
}

/** Starts a line to a port of this machine. */
export const startSilentProxy = async (target: number): Promise<SilentProxy> => {
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (data) => {
        if (!isSilent) to.write(data);
      });
      // A reset is as good as an end here: the other side learns of it.
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    hush: () => {
      isSilent = true;
    },
    wake: () => {
      isSilent = false;
      end();
    },
    stop: async () => {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
