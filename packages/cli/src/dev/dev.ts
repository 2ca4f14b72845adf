// `sluice dev`: runs pipelines on this machine, until Ctrl-C.

import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChangeFeed, type Console, createFeed } from "@sluice/console";
import type { DevRun } from "@sluice/dev";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { type Resources, resources } from "../pipeline-command/resources.ts";
import { withSeparators } from "../terminal/format.ts";
import { interruption, untilInterrupted, watchInterrupts } from "../terminal/interrupt.ts";
import { openBrowser } from "../terminal/open-browser.ts";
import { plainLines } from "../terminal/plain-text.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { version } from "../version.ts";
import { devHost, feedReports } from "./dev-host.ts";
import { type History, openHistory } from "./history.ts";
import { type DevPackage, loadDev } from "./load-dev.ts";
import { type DevCommandOptions, devHelp, devOptions } from "./options.ts";
import { serveConsole } from "./serve-console.ts";

/** Folder for dropped dead letters and the states of runs. */
const directory = ".sluice";

/** Errors whose messages are for the user. */
const plainErrors = /^(?:DevError|EngineMissingError|EngineFailedError|ConfigError)$/;

/** Prints the lines to paste. The console has all of them, so that with it one of each engine is printed. */
const printEngines = (run: DevRun, hasConsole: boolean, { out }: Terminal): void => {
  for (const { name, address, lines } of run.engines()) {
    out(`${name} at ${address}`);
    for (const { label, command } of hasConsole ? lines.slice(0, 1) : lines) {
      out(`  # ${label}`);
      out(`  ${command}`);
    }
  }
};

const seedTable = async (run: DevRun, { err, progress }: Terminal): Promise<void> => {
  const written = await run.seed((done, total) => progress.update({ doing: "seeding", done, total }));
  progress.clear();
  if (written > 0) err(`${withSeparators(written)} items of the seed are in the table`);
};

/** A short seed is written before the line that says where to look, which is so the last one. A long one can be watched. */
const shortSeedMs = 1_500;

/** What a run of the command works with. */
interface Session {
  readonly options: DevCommandOptions;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Closed at the end, in reverse order. */
  readonly opened: Resources;
  readonly say: (text: string) => void;
}

const startRun = async ({ startDev }: DevPackage, { options, signal, opened, say }: Session): Promise<DevRun> => {
  const run = await startDev({
    modules: options.modules,
    worker: new URL("./worker.js", import.meta.url),
    onLine: say,
    table: options.table,
    key: options.key,
    seed: options.seed,
    envFiles: options.envFiles,
    env: options.env,
    functionTimeoutMs: options.timeoutMs,
    directory,
    signal,
  });
  opened.add({ close: run.stop });
  return run;
};

/** Opens the file of the deliveries, if the user wants one. */
const historyOf = async ({ options, opened, say }: Session): Promise<History | undefined> =>
  options.history === undefined ? undefined : opened.add(await openHistory(options.history, say));

const openConsole = async (
  { options, opened }: Session,
  run: DevRun,
  feed: ChangeFeed,
): Promise<Console | undefined> => {
  if (!options.hasConsole) return undefined;
  const host = devHost({ run, feed, version: await version(), directory: resolve(directory) });
  return opened.add(await serveConsole(host, options.port));
};

const showConsole = async ({ options, terminal, opened, say }: Session, { url }: Console): Promise<void> => {
  terminal.out(`Console: ${url}`);
  if (options.opens) await openBrowser(url, opened, say);
};

const runUntilAborted = async (session: Session): Promise<void> => {
  const { terminal, signal } = session;
  const dev = await loadDev();
  const history = await historyOf(session);
  const run = await startRun(dev, session);
  const feed = createFeed();
  run.onReports((reports) => {
    feedReports(feed, reports);
    history?.add(reports);
  });
  printEngines(run, session.options.hasConsole, terminal);
  const seeding = seedTable(run, terminal);
  // It may fail before the console is up, and so before something waits for it. Below, the failure ends the command.
  seeding.catch(() => undefined);
  const console = await openConsole(session, run, feed);
  await Promise.race([seeding, sleep(shortSeedMs, undefined, { ref: false })]);
  if (console !== undefined) await showConsole(session, console);
  await untilInterrupted(seeding, signal);
  await interruption(signal);
};

const runDev = async (options: DevCommandOptions, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  const opened = resources();
  const say = (text: string): void => {
    for (const line of plainLines(text)) terminal.err(line);
  };
  try {
    await runUntilAborted({ options, terminal, signal, opened, say });
  } finally {
    await opened.close();
  }
};

/** Runs `sluice dev`. Returns the exit code. */
export const devCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = devOptions(args);
  if (options === undefined) {
    for (const line of plainLines(devHelp)) terminal.out(line);
    return exitCodes.done;
  }
  const interrupt = watchInterrupts(() => terminal.err("stopping. Ctrl-C again ends at once"));
  try {
    await runDev(options, terminal, interrupt.signal);
    return exitCodes.done;
  } catch (error) {
    if (interrupt.signal.aborted) return exitCodes.done;
    if (!(error instanceof Error) || !plainErrors.test(error.name)) throw error;
    throw new CommandError(error.message, { cause: error });
  } finally {
    interrupt.release();
  }
};
