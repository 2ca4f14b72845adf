// Serves a console until the user ends it.

import { type ConsoleHost, startConsole } from "@sluice/console";
import { CommandError } from "../command-line/command-error.ts";
import type { Resources } from "../pipeline-command/resources.ts";
import { interruption } from "../terminal/interrupt.ts";
import { openBrowser } from "../terminal/open-browser.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** How a console is served. */
export interface ServeOptions {
  readonly host: ConsoleHost;
  readonly port: number | undefined;
  /** Whether the browser is opened. */
  readonly opens: boolean;
}

const portError = (port: number | undefined, error: unknown): never => {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
  const found = code === "EACCES" ? "may not be used" : "is in use";
  throw new CommandError(`port ${port} ${found}; expected another one by --port, or none for a free one`, {
    cause: error,
  });
};

/** Starts the console, says where to look, and waits for the signal. @throws {CommandError} when the port is in use */
export const serveConsole = async (
  { host, port, opens }: ServeOptions,
  opened: Resources,
  { out, err }: Terminal,
  signal: AbortSignal,
): Promise<void> => {
  const started = startConsole({ host, ...(port !== undefined && { port }) });
  const { url } = opened.add(await started.catch((error: unknown) => portError(port, error)));
  out(`${host.about().title}: ${url}`);
  if (opens) await openBrowser(url, opened, err);
  await interruption(signal);
};
