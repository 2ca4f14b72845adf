// How many histories, and which: from `npm run test:long`, or the few hundred of `npm test`.

import { test } from "@jest/globals";
import { type ConvergenceOptions, type Divergence, divergences } from "./converge.ts";
import type { Target } from "./target.ts";

const whole = (name: string, fallback: number): number => {
  const number = Number(process.env[name] ?? fallback);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`${name} is ${process.env[name]}; expected a whole number`);
};

/** What this run of the tests plays. A seed that nobody chose is a new one each time. */
export const chosen: ConvergenceOptions = {
  seed: whole("CONVERGENCE_SEED", Date.now() % 1_000_000_000),
  runs: whole("CONVERGENCE_RUNS", 500),
};

/** For servers that take their time: 200 in `npm test`, and no fewer than the others where the number was chosen. */
export const fewer: ConvergenceOptions = { ...chosen, runs: whole("CONVERGENCE_RUNS", 200) };

/** Room for a slow machine; nothing depends on it. */
const timeoutMs = 120_000 + 800 * chosen.runs;

const shown = ({ seed, item, found, expected }: Divergence): string =>
  `${item}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}; again: npm run test:long -- --runs 1 --seed ${seed}`;

type Kind = NonNullable<ConvergenceOptions["kind"]>;

const names: Readonly<Record<Kind, string>> = {
  mishaps: "random histories",
  race: "random histories of parallel writers",
};

/** Declares the test that histories converge in a target. */
export const testConvergence = <Message>(
  open: () => Promise<Target<Message>>,
  kind: Kind = "mishaps",
  { seed, runs: all } = chosen,
): void => {
  // Of a race two in five: each is as dense as many mishaps.
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

/** Enough to find most of what is broken; more follow where they do not. */
const mutantRuns = 10;
const mostMutantRuns = 2000;

/** Declares the test that a broken target is found out. Each call of `open` gives an empty one. */
export const testMutant = <Message>(
  name: string,
  open: () => Promise<Target<Message>>,
  kind: Kind = "mishaps",
): void => {
  test(
    `a target that ${name} is found out (from seed ${chosen.seed})`,
    async () => {
      for (let done = 0, runs = mutantRuns; done < mostMutantRuns; done += runs, runs *= 2) {
        const target = await open();
        const found = await divergences(target, { seed: chosen.seed + done, runs, kind }).finally(target.close);
        if (found.length > 0) return;
      }
      throw new Error(`more than ${mostMutantRuns} histories converged all the same`);
    },
    timeoutMs,
  );
};
