// Measures how memory and time grow with the number of items, in child processes.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { table } from "../markdown.ts";
import { rounded } from "../statistics.ts";
import type { Goal, SuiteReport } from "../suite.ts";

/** Node cannot run the source of the program, so a test runs the compiled program, too. */
const program = fileURLToPath(new URL("../../dist/growth-child.js", import.meta.url));

/** Runs a program of a child process, and returns what it writes. */
export const runChild = async <Result>(...args: readonly (string | number)[]): Promise<Result> => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args.map(String)]);
  return JSON.parse(stdout) as Result;
};

interface Peaks {
  readonly live: number;
  readonly resident: number;
}

/** The names of the three numbers of items. A quick run has smaller numbers in the same proportions. */
const names = ["10k", "100k", "1m"] as const;
const mostSmall = 10_000;

const megabytes = (bytes: number): number => rounded(bytes / 2 ** 20);

/** The allowed deviation of the time per item is 15 %, in both directions. */
const linear: Goal = { atMost: 1.15 };

/** Measures the growth. `records` is the number of records in a round of the bench. */
export const measureGrowth = async (records: number): Promise<SuiteReport> => {
  const small = Math.min(mostSmall, Math.ceil((records * 10) / 3));
  const [few, some, many] = [small, small * 10, small * 100];
  const peakOfFew = await runChild<Peaks>("memory", few);
  const peakOfSome = await runChild<Peaks>("memory", some);
  const peakOfMany = await runChild<Peaks>("memory", many);
  const [usOfFew = 0, usOfSome = 0, usOfMany = 0] = await runChild<number[]>("time", few, some, many);
  const rows = [
    [names[0], few, megabytes(peakOfFew.live), megabytes(peakOfFew.resident), rounded(usOfFew)],
    [names[1], some, megabytes(peakOfSome.live), megabytes(peakOfSome.resident), rounded(usOfSome)],
    [names[2], many, megabytes(peakOfMany.live), megabytes(peakOfMany.resident), rounded(usOfMany)],
  ];
  return {
    figures: {
      "backfill/memory/1m-vs-10k": rounded(peakOfMany.live / peakOfFew.live),
      "backfill/memory/resident/1m-vs-10k": rounded(peakOfMany.resident / peakOfFew.resident),
      "backfill/time/100k-vs-10k": rounded(usOfSome / usOfFew),
      "backfill/time/1m-vs-10k": rounded(usOfMany / usOfFew),
    },
    goals: {
      "backfill/memory/1m-vs-10k": { atMost: 1.2 },
      "backfill/time/100k-vs-10k": linear,
      "backfill/time/1m-vs-10k": linear,
    },
    lines: [
      "Synthetic pages, and a sink that keeps nothing; memory is the peak in MiB, time is the CPU time",
      "",
      ...table(["", "items", "in use, MiB", "resident, MiB", "µs per item"], rows),
    ],
  };
};
