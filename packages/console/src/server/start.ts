// Starts the console's server.

import { randomBytes } from "node:crypto";
import { once, setMaxListeners } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { checkWhole, invalidOption } from "@sluice/core/sink-kit";
import type { ConsoleHost } from "../host.ts";
import { createRuns } from "../runs/run-manager.ts";
import { createApp } from "./app.ts";
import { createLive } from "./live.ts";
import { watchOverview } from "./overview-watch.ts";
import { builtPage } from "./page-files.ts";
import type { Access } from "./security.ts";

/** How a console is started. */
export interface ConsoleOptions {
  readonly host: ConsoleHost;
  /** Default 0: a free port. */
  readonly port?: number;
  /** What a page must know to be answered. At least 32 letters, digits, `-` and `_`. Default: 32 random bytes. */
  readonly token?: string;
  /** The address to listen on. Default `127.0.0.1`. Another than a loopback address demands `isReachable`. */
  readonly address?: string;
  /** Permits other machines to reach the console. Everybody who knows the token can then do what you can. */
  readonly isReachable?: boolean;
  /** Names by which browsers may ask, besides `localhost` and addresses. Only with `isReachable`. */
  readonly hostNames?: readonly string[];
  /** Called with each unexpected error. `subject` names the request. Default: one line on stderr, without values. */
  readonly onError?: (error: unknown, subject: string) => void;
  /** The folder with the built page. Default: the one in this package. */
  readonly page?: string;
}

/** A running console. */
export interface Console {
  /** The address to open, with the token. */
  readonly url: string;
  /** The address without the token. */
  readonly origin: string;
  readonly port: number;
  /** Ends all answers and runs, and stops listening. Runs that can pause go on when their command is called again. */
  readonly close: () => Promise<void>;
}

/** Longest time that open answers may take to end when the console ends. */
const graceMs = 1_000;

const loopbackAddresses: readonly string[] = ["127.0.0.1", "::1", "localhost"];

const checkOptions = ({ token, address, isReachable, port, hostNames }: ConsoleOptions): void => {
  if (token !== undefined && !/^[\w-]{32,200}$/.test(token)) {
    throw invalidOption("token", "must be 32 to 200 letters, digits, - and _");
  }
  if (port !== undefined) checkWhole("port", port, [0, 65_535]);
  if (isReachable === true) return;
  if (address !== undefined && !loopbackAddresses.includes(address)) {
    throw invalidOption("address", "must be 127.0.0.1 or ::1; other machines reach others: expected isReachable, too");
  }
  if (hostNames !== undefined) throw invalidOption("hostNames", "needs isReachable: true beside it");
};

const firstFrame = (error: Error): string => /^\s+at (.*)$/m.exec(error.stack ?? "")?.[1] ?? "an unknown place";

/** An error's message may have a value of an item, so that only its name, its code and its place are printed. */
const printError = (error: unknown, subject: string): void => {
  const code = error instanceof Error && "code" in error ? ` ${String(error.code)}` : "";
  const found = error instanceof Error ? `${error.name}${code} at ${firstFrame(error)}` : `a thrown ${typeof error}`;
  process.stderr.write(`sluice console: ${subject}: ${found}\n`);
};

const listen = async (server: Server, port: number, address: string): Promise<number> => {
  server.listen(port, address);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

const originOf = (address: string, port: number): string => {
  const isAnywhere = address === "0.0.0.0" || address === "::";
  const name = isAnywhere ? "127.0.0.1" : address;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
};

/** Ends what is open, so that the server can close. A page that does not read its last answer is cut off. */
const closeServer = async (server: Server): Promise<void> => {
  const closed = once(server, "close");
  server.close();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
};

/** Starts a console. Listens only on this machine, unless `isReachable` says otherwise. */
export const startConsole = async (options: ConsoleOptions): Promise<Console> => {
  checkOptions(options);
  const { host, address = "127.0.0.1", token = randomBytes(32).toString("base64url"), isReachable = false } = options;
  const { onError = printError, hostNames = [], page = builtPage } = options;
  const ending = new AbortController();
  const closing = ending.signal;
  // Each request in progress listens.
  setMaxListeners(0, closing);
  let port = 0;
  const access: Access = { token, isReachable, hostNames, port: () => port };
  const overview = watchOverview({ host, closing, onError });
  const runs = createRuns({ host, onError });
  const live = createLive({ host, overview, runs });
  const app = createApp({ host, access, overview, runs, live, page, closing, onError });
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => void listener(request, response));
  port = await listen(server, options.port ?? 0, address);
  const origin = originOf(address, port);
  return {
    url: `${origin}/#token=${token}`,
    origin,
    port,
    close: async () => {
      await runs.close();
      ending.abort();
      live.close();
      await closeServer(server);
    },
  };
};
