// Starts the console of a run.

import { type Console, type ConsoleHost, startConsole } from "@sluice/console";
import { CommandError } from "../command-line/command-error.ts";
import { defaultPort } from "./options.ts";

const triedPorts = 20;

const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EADDRINUSE";

/**
 * Starts the console on the port, or, without one, on the first free port from the default one.
 * @throws {CommandError} when the port that the user gave is taken
 */
export const serveConsole = async (host: ConsoleHost, port: number | undefined): Promise<Console> => {
  const ports = port === undefined ? Array.from({ length: triedPorts }, (_, index) => defaultPort + index) : [port];
  for (const tried of ports) {
    try {
      return await startConsole({ host, port: tried });
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
  const found =
    port === undefined ? `the ports ${defaultPort} to ${defaultPort + triedPorts - 1} are` : `port ${port} is`;
  throw new CommandError(`${found} taken by other programs; expected a free one: --port N, or --no-console`);
};
