// A server process that never outlives its parent, however the parent ends. Each child has a watchdog: a shell that
// blocks on a pipe from the parent. When the parent dies, even by SIGKILL, the kernel closes the pipe and the watchdog
// stops the child. So the parent needs no signal listeners, which could change how Ctrl-C works in a program.

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { removeDirectory } from "./engine-directory.ts";
import { EngineFailedError } from "./engine-error.ts";

/** How to start a server, how to find out whether it is ready, and how to stop it. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly options?: Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid">;
  /** Signal that the watchdog sends to the child of a dead parent. SIGKILL follows after 5 seconds. Default SIGTERM. */
  readonly orphanSignal?: "SIGTERM" | "SIGQUIT";
  /** Folder of the child. Both `stop` and the watchdog remove the folder. */
  readonly directory?: string;
  /** Resolves when the server is ready. A rejected probe is retried every 20 ms. */
  readonly probe: () => Promise<unknown>;
  /** Maximum time from the start to the first successful probe. */
  readonly timeoutMs: number;
}

/** A running server process. */
export interface ChildEngine {
  /** Sends the signal, and after 10 seconds SIGKILL. Resolves when the process has ended. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
  /** Ends the process by SIGTERM, and removes its folder. */
  readonly stop: () => Promise<void>;
}

const outputLimit = 4096;
const endTimeoutMs = 10_000;

// If no process id is given, the script only removes the folder. The loop has a limit, because a dead child remains
// visible as a zombie if process 1 does not reap the child.
const watchdogScript = `
trap '' INT TERM HUP
read -r _
if [ -n "$2" ]; then
  kill -s "$1" "$2" 2>/dev/null
  n=0
  while kill -0 "$2" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
  kill -s KILL "$2" 2>/dev/null
fi
[ -z "$3" ] || rm -rf -- "$3"
`;

/** Starts a shell that blocks on a pipe from this process. Returns a function that kills the shell. */
const runWatchdog = (signal: string, pid: string, directory: string, onError: () => void): (() => void) => {
  const watchdog = spawn("/bin/sh", ["-c", watchdogScript, "sluice-watchdog", signal, pid, directory], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.on("error", onError);
  // The pipe breaks when the watchdog is killed. This error does not matter, as the pipe carries no data.
  watchdog.stdin.on("error", () => undefined);
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  return () => watchdog.kill("SIGKILL");
};

/** Starts a watchdog that removes the folder when this process dies. Returns a function that ends the watchdog. */
export const guardDirectory = (directory: string): (() => void) => runWatchdog("", "", directory, () => undefined);

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

/** Starts the process and its watchdog. */
const spawnChild = async (command: ChildCommand) => {
  const { orphanSignal = "SIGTERM", directory = "" } = command;
  const child = spawn(command.command, command.args, {
    ...command.options,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  await once(child, "spawn").catch((cause: Error) => {
    throw new EngineFailedError(`${command.command} cannot be started: ${cause.message}`, { cause });
  });
  const output = collectOutput(child);
  const signalName = orphanSignal.replace("SIG", "");
  const dismissWatchdog = runWatchdog(signalName, String(child.pid), directory, () => child.kill("SIGKILL"));
  let running = true;
  const exited = once(child, "exit").then(() => {
    running = false;
    dismissWatchdog();
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
  return { isRunning: () => running, output, end };
};

/**
 * Starts a server process in its own process group, and waits until it is ready. Ctrl-C reaches only the parent, which
 * then stops the process properly. The process does not keep the parent's event loop alive.
 * @throws {EngineFailedError} when the command cannot be run, or when the server is not ready before it ends or before
 * `timeoutMs` is over. In the last two cases the message has the server's last output.
 */
export const startChild = async (command: ChildCommand): Promise<ChildEngine> => {
  const { isRunning, output, end } = await spawnChild(command);
  const stop = async (): Promise<void> => {
    await end("SIGTERM");
    if (command.directory !== undefined) await removeDirectory(command.directory);
  };
  const deadline = Date.now() + command.timeoutMs;
  let cause: unknown;
  while (isRunning() && Date.now() < deadline) {
    try {
      await command.probe();
      if (isRunning()) return { end, stop };
    } catch (error) {
      cause = error;
      await sleep(20);
    }
  }
  const problem = isRunning() ? `was not ready after ${command.timeoutMs} ms` : "ended before it was ready";
  await end("SIGKILL");
  throw new EngineFailedError(`The engine ${problem}. Its last output: ${output()}`, { cause });
};
