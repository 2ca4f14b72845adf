// Makes a failing plan smaller: leaves out one part after the other, as long as the same oracle still fails.

import type { Plan } from "./plan.ts";

/** Whether a plan still fails in the same way. */
type StillFails = (plan: Plan) => Promise<boolean>;

const listKeys = ["steps", "faults", "outages", "operator", "backfills", "strangers", "throwing", "offloaded"] as const;

const simpler: readonly Partial<Plan>[] = [
  { twice: 0 },
  { redelivery: 0 },
  { environments: 1 },
  { maxBatch: 1 },
  { maxAttempts: 1 },
  { concurrency: 1 },
  { maxEntries: 1 },
  { shards: 1 },
  { fixedAt: 0 },
  { sharesRows: false },
  { failover: undefined },
  { deadLetterQueue: "standard" },
  { deployedAt: 0 },
  { retiredAt: 0 },
];

/** The plan without one pipeline, or without one route of every pipeline. */
const withLess = (plan: Plan): Plan[] => {
  const { pipelines } = plan;
  const fewer =
    pipelines.length > 1
      ? pipelines.map((_, index) => ({ ...plan, pipelines: pipelines.filter((__, other) => other !== index) }))
      : [];
  const routes = pipelines[0]?.routes ?? [];
  const shorter =
    routes.length > 1
      ? routes.map((_, index) => ({
          ...plan,
          pipelines: pipelines.map((one) => ({ ...one, routes: one.routes.filter((__, other) => other !== index) })),
        }))
      : [];
  return [...fewer, ...shorter];
};

const candidates = (plan: Plan): Plan[] => [
  ...withLess(plan),
  ...listKeys.flatMap((key) =>
    plan[key].map((_, index) => ({ ...plan, [key]: plan[key].filter((__, other) => other !== index) })),
  ),
  ...simpler
    .filter((change) => Object.entries(change).some(([name, value]) => plan[name as keyof Plan] !== value))
    .map((change) => ({ ...plan, ...change })),
];

/** Returns the smallest plan that was found with at most `budget` runs. */
export const shrink = async (plan: Plan, stillFails: StillFails, budget = 150): Promise<Plan> => {
  let smallest = plan;
  let left = budget;
  for (let isSmaller = true; isSmaller && left > 0; ) {
    isSmaller = false;
    for (const candidate of candidates(smallest)) {
      if (left <= 0) break;
      left -= 1;
      if (!(await stillFails(candidate))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
};
