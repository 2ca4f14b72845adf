// The program of a child process. It writes one line of JSON. A peak of memory needs a process of its own, because a
// process does not give back all its memory.
//
// node growth-child.js memory ITEMS     copies items, and writes the peaks of memory in bytes: { "live": 0, "resident": 0 }
// node growth-child.js time ITEMS…      copies each number of items, and writes the CPU time in µs per item: [0, …]
// node growth-child.js environment LOAD CHANGES…   drives one environment, and writes its costs at each number of changes

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type EnvironmentLoad, environmentCosts } from "./environment-growth.ts";
import { median } from "./statistics.ts";
import { type SyntheticBackfill, syntheticBackfill } from "./synthetic-backfill.ts";

/** A collection of all garbage takes many milliseconds, so there are only so many. */
const memorySamples = 40;
const recordsPerRequest = 1_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const memoryOf = async (copy: SyntheticBackfill, items: number): Promise<unknown> => {
  const every = Math.max(1, Math.floor(items / recordsPerRequest / memorySamples));
  let requests = 0;
  let live = 0;
  await copy(items, () => {
    requests += 1;
    if (requests % every > 0) return;
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    live = Math.max(live, heapUsed + external);
  });
  return { live, resident: process.resourceUsage().maxRSS * 1_024 };
};

const cpuUsPerItem = async (copy: SyntheticBackfill, items: number): Promise<number> => {
  const before = process.cpuUsage();
  await copy(items);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / items;
};

/** Every number of items is copied three times; a small number is copied several times in each turn. */
const turns = 3;
const smallRepeats = 5;

const timesOf = async (copy: SyntheticBackfill, counts: readonly number[]): Promise<unknown> => {
  const most = Math.max(...counts);
  const times = counts.map((): number[] => []);
  // Warms up the code, and lets the heap grow to its usual size.
  await copy(Math.ceil(most / 5));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [index, items] of counts.entries()) {
      if (items === most && turn > 0) continue;
      const repeats = items * smallRepeats <= most / 10 ? smallRepeats : 1;
      for (let repeat = 0; repeat < repeats; repeat += 1) times[index]?.push(await cpuUsPerItem(copy, items));
    }
  }
  return times.map(median);
};

const [mode, ...rest] = process.argv.slice(2);

const resultOf = async (): Promise<unknown> => {
  if (mode === "environment") {
    return environmentCosts(rest[0] as EnvironmentLoad, rest.slice(1).map(Number), collectGarbage);
  }
  const copy = await syntheticBackfill();
  const items = rest.map(Number);
  return mode === "memory" ? memoryOf(copy, items[0] ?? 0) : timesOf(copy, items);
};

process.stdout.write(`${JSON.stringify(await resultOf())}\n`);
