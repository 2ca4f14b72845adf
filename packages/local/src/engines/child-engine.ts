// A server process that never outlives its parent, however the parent ends. Each child has a watchdog: a shell that
// blocks on a pipe from us. When we die, even by SIGKILL, the kernel closes the pipe and the watchdog stops the child.
// So the library needs no signal and exit listeners, which would also change what Ctrl-C does in the user's program.

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineFailedError } from "./engine-error.ts";

/** What to run, and how it is stopped. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid">;
  /** What the watchdog sends when the parent is gone. After 5 seconds it sends SIGKILL. */
  readonly orphanSignal: "SIGTERM" | "SIGQUIT";
  /** Folder of the child that the watchdog removes. */
  readonly directory?: string;
}

/** A running server process. */
export interface ChildEngine {
  readonly pid: number;
  /** True until the process has ended. */
  readonly isRunning: () => boolean;
  /** The last 4,096 characters of standard output and error. */
  readonly output: () => string;
  /** Sends the signal and resolves when the process has ended; SIGKILL follows after 10 seconds. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
}

const outputLimit = 4096;
const endTimeoutMs = 10_000;

// The loop is bounded: where process 1 does not reap, a dead child stays visible as a zombie.
const watchdogScript = `
trap '' INT TERM HUP
read -r _
kill -s "$1" "$2" 2>/dev/null
n=0
while kill -0 "$2" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
kill -s KILL "$2" 2>/dev/null
[ -z "$3" ] || rm -rf -- "$3"
`;

/** For the time between two children, when there is nothing but the folder to see to. */
const folderScript = `
trap '' INT TERM HUP
read -r _
rm -rf -- "$1"
`;

/** Runs a shell script that reads from a pipe of ours; answers how to end it before that. */
const runWatchdog = (script: string, args: readonly string[], onError: () => void): (() => void) => {
  const watchdog = spawn("/bin/sh", ["-c", script, "sluice-watchdog", ...args], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.on("error", onError);
  // The pipe breaks when the watchdog is told to go; nothing was in it.
  watchdog.stdin.on("error", () => undefined);
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  return () => watchdog.kill("SIGKILL");
};

const startWatchdog = (child: ChildProcess, { orphanSignal, directory = "" }: ChildCommand): (() => void) =>
  runWatchdog(watchdogScript, [orphanSignal.replace("SIG", ""), String(child.pid), directory], () =>
    child.kill("SIGKILL"),
  );

/** Has the folder removed when we die, as long as no child does that. Answers how to end it. */
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
 * Starts a server process in a process group of its own, so that Ctrl-C reaches only the parent, which then stops the
 * process in order. It does not keep the parent's event loop alive.
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
 * Resolves when the probe does. A probe that rejects is asked again every 20 ms.
 * @throws {EngineFailedError} with the last output when the process ends first or the time is over; it is killed then.
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
  const what = child.isRunning() ? `was not ready after ${timeoutMs} ms` : "ended before it was ready";
  await child.end("SIGKILL");
  throw new EngineFailedError(`The engine ${what}. Its last output: ${child.output()}`, { cause });
};

/** Removes a child's folder after it has ended. */
export const removeDirectory = (directory: string): Promise<void> =>
  rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
