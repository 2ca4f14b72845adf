// Checks that the external engines are reachable. Environment variables contain the URLs of these engines.

import { once } from "node:events";
import { connect } from "node:net";
import { EngineMissingError } from "@sluice/local";

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };
const postgresPort = 5432;
const timeoutMs = 5_000;

const placeOf = (variable: string, address: string): { readonly host: string; readonly port: number } => {
  if (!URL.canParse(address)) throw new EngineMissingError(`${variable} is set, but it is not a URL.`);
  const { hostname, port, protocol } = new URL(address);
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port) || (defaultPorts[protocol] ?? postgresPort),
  };
};

const expectAnswer = async (variable: string, address: string): Promise<void> => {
  const { host, port } = placeOf(variable, address);
  // A URL without a host contains the path of a Unix socket. Only pg can connect to the socket, so no check follows.
  if (host === "") return;
  const socket = connect({ host, port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    throw new EngineMissingError(
      `${variable} is set, but no server answers at ${host}:${port}: start that engine, or unset the variable.`,
      { cause },
    );
  } finally {
    socket.destroy();
  }
};

/** @throws {EngineMissingError} if a variable in `variables` contains the URL of an engine that does not answer */
export const checkGivenEngines = async (variables: readonly string[]): Promise<void> => {
  for (const variable of variables) {
    const address = process.env[variable];
    if (address) await expectAnswer(variable, address);
  }
};
