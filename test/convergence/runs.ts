// The number of histories, and the seed of the first history. `npm run test:long` sets both values.

import { test } from "@jest/globals";
import { type ConvergenceOptions, type Divergence, divergences } from "./converge.ts";
import type { Target } from "./target.ts";

const whole = (name: string, fallback: number): number => {
  const number = Number(process.env[name] ?? fallback);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`${name} is ${process.env[name]}; expected a whole number`);
};

/** The number and the seed of this test run. By default the seed is new in each test run. */
export const chosen: ConvergenceOptions = {
  seed: whole("CONVERGENCE_SEED", Date.now() % 1_000_000_000),
  runs: whole("CONVERGENCE_RUNS", 500),
};

/** Settings for slow servers: 200 histories in `npm test`. If `CONVERGENCE_RUNS` is set, it sets the number. */
export const fewer: ConvergenceOptions = { ...chosen, runs: whole("CONVERGENCE_RUNS", 200) };

/** Settings for a second target of a sink: 100 histories in `npm test`. */
export const fewest: ConvergenceOptions = { ...chosen, runs: whole("CONVERGENCE_RUNS", 100) };

/** A long timeout, because the machine may be slow. */
const timeoutMs = 120_000 + 800 * chosen.runs;

const shown = ({ seed, item, found, expected }: Divergence): string =>
  `${item}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}; to repeat: npm run test:long -- --runs 1 --seed ${seed}`;

type Kind = NonNullable<ConvergenceOptions["kind"]>;

const names: Readonly<Record<Kind, string>> = {
  faults: "random histories",
  race: "random histories of parallel writers",
  backfill: "random histories beside backfills",
};

/** Declares a test that plays histories in a target and expects the last state of every item. */
export const testConvergence = <Message>(
  open: () => Promise<Target<Message>>,
  kind: Kind = "faults",
  { seed, runs: all } = chosen,
): void => {
  // In a race more writes overlap than in a history with faults, so 40 % as many histories are enough.
  const runs = kind === "race" ? Math.ceil(0.4 * all) : all;
  test(
    `${runs} ${names[kind]} from seed ${seed} end with the last state of every item`,
    async () => {
      const target = await open();
      const found = await divergences(target, { seed, runs, kind }).finally(target.close);
      if (found.length > 0) {
        throw new Error([`${found.length} items diverged`, ...found.slice(0, 5).map(shown)].join("\n"));
      }
    },
    timeoutMs,
  );
};

/** Number of histories in the first attempt to find a defect. Each further attempt plays twice as many histories. */
const mutantRuns = 10;
const mostMutantRuns = 2000;

/** Declares a test that expects the suite to find a defect of a target. Every `open` returns an empty target. */
export const testMutant = <Message>(
  name: string,
  open: () => Promise<Target<Message>>,
  kind: Kind = "faults",
  mutate?: ConvergenceOptions["mutate"],
): void => {
  test(
    `the suite finds a target that ${name} (from seed ${chosen.seed})`,
    async () => {
      for (let done = 0, runs = mutantRuns; done < mostMutantRuns; done += runs, runs *= 2) {
        const target = await open();
        const options = { seed: chosen.seed + done, runs, kind, ...(mutate && { mutate }) };
        const found = await divergences(target, options).finally(target.close);
        if (found.length > 0) return;
      }
      throw new Error(`more than ${mostMutantRuns} histories converged despite the defect`);
    },
    timeoutMs,
  );
};
