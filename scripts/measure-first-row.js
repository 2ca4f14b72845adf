// Measures the first minutes of a user: `git clone`, `npm ci`, `npm run dev`, until Postgres has a film. Prints the seconds
// of each phase. Then stops `npm run dev` with Ctrl-C, and checks that it ends with all its engines.
//
//   --here        runs `npm run dev` in this folder, without clone and installation
//   --limit N     exits with 1 if all of it took more than N seconds
//   other options are those of `npm run dev`

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";

const root = fileURLToPath(new URL("..", import.meta.url));
const films = 3201;
const startTimeoutMs = 120_000;
const stopTimeoutMs = 30_000;

const optionsIn = (args) => {
  const at = args.indexOf("--limit");
  const rest = at < 0 ? args : args.toSpliced(at, 2);
  const limit = at < 0 ? Number.POSITIVE_INFINITY : Number(args[at + 1]);
  if (Number.isNaN(limit)) throw new Error("--limit must be a number of seconds");
  return { isHere: rest.includes("--here"), limit, dev: rest.filter((option) => option !== "--here") };
};

/** Measures phases, one after the other. */
const stopwatch = () => {
  const begin = performance.now();
  let last = begin;
  const seconds = (ms) => `${(ms / 1000).toFixed(1).padStart(6)} s`;
  return {
    note: (phase) => {
      const now = performance.now();
      console.log(`${seconds(now - last)}  ${seconds(now - begin)}  ${phase}`);
      last = now;
      return (now - begin) / 1000;
    },
  };
};

/** Asks until the answer is not undefined. */
const poll = async (ask, until, what) => {
  while (performance.now() < until) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(50);
  }
  throw new Error(`${what} did not come within ${startTimeoutMs / 1000} s`);
};

const countIn = async (url) => {
  const client = new pg.Client(url);
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query("SELECT count(*)::int AS films FROM films");
    return rows[0].films;
  } catch {
    return 0; // Postgres is not ready, or has no table yet
  } finally {
    await client.end().catch(() => {});
  }
};

/** Starts `npm run dev` in a process group of its own, so that Ctrl-C can be sent to all of it, as a terminal does. */
const startDev = (folder, options) => {
  const child = spawn("npm", ["run", "dev", ...(options.length > 0 ? ["--", ...options] : [])], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const exited = once(child, "exit");
  return { child, lines, exited };
};

const isAlive = (group) => {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
};

const stopDev = async ({ child, exited }) => {
  if (isAlive(child.pid)) process.kill(-child.pid, "SIGINT");
  const ended = await Promise.race([exited, sleep(stopTimeoutMs)]);
  // Engines may be process groups of their own; `sluice dev` waits for them before it ends.
  if (ended === undefined || isAlive(child.pid)) {
    process.kill(-child.pid, "SIGKILL");
    throw new Error(`npm run dev did not end within ${stopTimeoutMs / 1000} s after Ctrl-C`);
  }
};

const measureDev = async (folder, options, watch) => {
  const dev = startDev(folder, options);
  let total = 0;
  try {
    const until = performance.now() + startTimeoutMs;
    const hasEnded = () => dev.child.exitCode !== null || dev.child.signalCode !== null;
    const unlessEnded = (value) => {
      if (hasEnded()) throw new Error(`npm run dev ended with ${dev.child.exitCode ?? dev.child.signalCode}`);
      return value;
    };
    const urlIn = () => /postgres(?:ql)?:\/\/[^\s'"]+/.exec(dev.lines.join("\n"))?.[0];
    const url = await poll(async () => unlessEnded(urlIn()), until, "the address of Postgres");
    watch.note("npm run dev: engines are ready");
    const rowsFrom = (least) => async () => unlessEnded((await countIn(url)) >= least ? true : undefined);
    await poll(rowsFrom(1), until, "the first row");
    total = watch.note("npm run dev: the first film is in Postgres");
    // The writer may have removed a film for a moment.
    await poll(rowsFrom(films - 1), until, "all rows");
    watch.note(`npm run dev: all ${films} films are in Postgres`);
  } catch (error) {
    console.error(dev.lines.slice(-40).join("\n"));
    throw error;
  } finally {
    await stopDev(dev);
  }
  watch.note("Ctrl-C: everything has stopped");
  return total;
};

const { isHere, limit, dev } = optionsIn(process.argv.slice(2));
const folder = isHere ? root : mkdtempSync(join(tmpdir(), "sluice-first-row-"));
try {
  console.log(" phase      since start");
  const watch = stopwatch();
  if (!isHere) {
    execFileSync("git", ["clone", "--quiet", root, folder]);
    watch.note("git clone");
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    watch.note("npm ci");
  }
  const total = await measureDev(folder, dev, watch);
  if (total > limit) throw new Error(`the first film took ${total.toFixed(1)} s; expected at most ${limit} s`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  if (!isHere) rmSync(folder, { recursive: true, force: true });
}
