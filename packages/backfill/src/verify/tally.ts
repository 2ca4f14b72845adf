// Counts the results of a verification while it runs.

import type { PipelineTarget } from "@sluice/core/envelope";
import {
  addTallies,
  emptyTally,
  type Finding,
  type TargetTally,
  type VerifyClass,
  type VerifyTally,
} from "./classes.ts";
import { nameOfTarget } from "./verification.ts";

/** Counts of a run, or of a part of it. */
export interface Tally {
  readonly count: (target: PipelineTarget, one: VerifyClass, times?: number) => void;
  readonly reject: (target: PipelineTarget, code: string) => void;
  readonly find: (finding: Finding) => void;
  readonly unstable: (target: PipelineTarget, route: string | undefined, members: ReadonlySet<string>) => void;
  /** Adds the counts of a part. */
  readonly add: (part: VerifyTally) => void;
  /** The counts so far. */
  readonly total: () => VerifyTally;
}

/** Creates counts. */
export const newTally = (): Tally => {
  let total: VerifyTally = {};
  const add = (target: string, part: Partial<TargetTally>): void => {
    total = addTallies(total, { [target]: { ...emptyTally, ...part } });
  };
  return {
    count: (target, one, times = 1) => {
      if (times > 0) add(nameOfTarget(target), { counts: { [one]: times } });
    },
    reject: (target, code) => add(nameOfTarget(target), { counts: { rejected: 1 }, rejections: { [code]: 1 } }),
    find: ({ target, class: kind, repair }) =>
      add(target, { counts: { [kind]: 1 }, ...(repair && { repairs: { [repair]: 1 } }) }),
    unstable: (target, route, members) =>
      add(nameOfTarget(target), {
        counts: { unstable: 1 },
        unstable: { [route ?? nameOfTarget(target)]: [...members].sort() },
      }),
    add: (part) => {
      total = addTallies(total, part);
    },
    total: () => total,
  };
};
