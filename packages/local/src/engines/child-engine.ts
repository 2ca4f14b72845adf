// A server process that never outlives its parent, however the parent ends. Each child has a watchdog: a shell that
// blocks on a pipe from the parent. When the parent dies, even by SIGKILL, the kernel closes the pipe and the watchdog
// stops the child. Signal and exit listeners would change what Ctrl-C does in the user's program.

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineFailedError } from "./engine-error.ts";

/** The command of a server, and the way to stop it. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid">;
  /** Signal of the watchdog when the parent is gone. SIGKILL follows after 5 seconds. */
  readonly orphanSignal: "SIGTERM" | "SIGQUIT";
  /** Folder of the child, which the watchdog removes. */
  readonly directory?: string;
}

/** A running server process. */
export interface ChildEngine {
  readonly pid: number;
  /** Whether the process has not ended yet. */
  readonly isRunning: () => boolean;
  /** The last 4,096 characters of standard output and error. */
  readonly output: () => string;
  /** Sends the signal and resolves when the process has ended; SIGKILL follows after 10 seconds. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
}

const outputLimit = 4096;
const endTimeoutMs = 10_000;

// The loop is bounded: if process 1 does not reap it, a dead child stays visible as a zombie.
const watchdogScript = `
trap '' INT TERM HUP
read -r _
kill -s "$1" "$2" 2>/dev/null
n=0
while kill -0 "$2" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
kill -s KILL "$2" 2>/dev/null
[ -z "$3" ] || rm -rf -- "$3"
`;

/** For the time between two children, when only the folder is left to remove. */
const folderScript = `
trap '' INT TERM HUP
read -r _
rm -rf -- "$1"
`;

/** Runs a shell script that blocks on a pipe from this process; returns a function that kills the script. */
const runWatchdog = (script: string, args: readonly string[], onError: () => void): (() => void) => {
  const watchdog = spawn("/bin/sh", ["-c", script, "sluice-watchdog", ...args], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.on("error", onError);
  // The pipe breaks when the watchdog is killed; it was empty.
  watchdog.stdin.on("error", () => undefined);
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  return () => watchdog.kill("SIGKILL");
};

const startWatchdog = (child: ChildProcess, { orphanSignal, directory = "" }: ChildCommand): (() => void) =>
  runWatchdog(watchdogScript, [orphanSignal.replace("SIG", ""), String(child.pid), directory], () =>
    child.kill("SIGKILL"),
  );

/** Removes the folder when this process dies. Returns a function that ends the guard. */
export const guardDirectory = (directory: string): (() => void) =>
  runWatchdog(folderScript, [directory], () => undefined);

const collectOutput = (child: ChildProcess): (() => string) => {
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (text: Buffer) => {
      tail = (tail + text.toString()).slice(-outputLimit);
    });
    (stream as Socket | null)?.unref();
  }
  return () => tail.trim();
};

/**
 * Starts a server process in its own process group: Ctrl-C reaches only the parent, which then stops the process
 * properly. The process does not keep the parent's event loop alive.
 * @throws {EngineFailedError} when the command cannot be run.
 */
export const startChild = async (command: ChildCommand): Promise<ChildEngine> => {
  const child = spawn(command.command, command.args, {
    ...command.options,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(new EngineFailedError(`${command.command} cannot be started: ${cause.message}`, { cause })),
    );
  });
  const output = collectOutput(child);
  const dismissWatchdog = startWatchdog(child, command);
  let running = true;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      running = false;
      dismissWatchdog();
      resolve();
    });
  });
  child.unref();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!running) return;
    child.ref();
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), endTimeoutMs);
    await exited;
    clearTimeout(timer);
  };
  return { pid: child.pid as number, isRunning: () => running, output, end };
};

/**
 * Resolves when the probe does. A rejected probe is retried every 20 ms.
 * @throws {EngineFailedError} with the last output when the process ends first, or is killed after `timeoutMs`.
 */
export const untilReady = async (
  child: ChildEngine,
  probe: () => Promise<unknown>,
  timeoutMs: number,
): Promise<void> => {
  const deadline = Date.now() + timeoutMs;
  let cause: unknown;
  while (child.isRunning() && Date.now() < deadline) {
    try {
      await probe();
      if (child.isRunning()) return;
    } catch (error) {
      cause = error;
      await sleep(20);
    }
  }
  const problem = child.isRunning() ? `was not ready after ${timeoutMs} ms` : "ended before it was ready";
  await child.end("SIGKILL");
  throw new EngineFailedError(`The engine ${problem}. Its last output: ${child.output()}`, { cause });
};

/** A probe for servers that answer any GET, be it with an error. */
export const answers = (url: string): Promise<unknown> => fetch(url, { signal: AbortSignal.timeout(10_000) });
