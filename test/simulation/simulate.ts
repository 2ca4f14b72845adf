// Plays a plan to its end, and returns what the oracles found.

import { backfill } from "./backfill.ts";
import { consumeRetries, readShard } from "./mapping.ts";
import { moveToRetries, redrive } from "./operator.ts";
import { problemsIn } from "./oracles.ts";
import type { Plan } from "./plan.ts";
import { strangerRecord } from "./table.ts";
import { type Parts, realParts, World } from "./world.ts";

/** A world needs a few hundred events. One that needs this many does not come to rest. */
const maxEvents = 10_000;

/** Number of redrives of each pipeline at the end. */
const lastRedrives = 3;

const lastStepOf = ({ steps, outages, operator, backfills, strangers, fixedAt, retiredAt }: Plan): number =>
  Math.max(
    0,
    ...steps.map(({ at }) => at),
    ...outages.map(({ to }) => to),
    ...operator.map(({ at }) => at),
    ...strangers.map(({ at }) => at),
    ...backfills.map(({ at }) => at),
    fixedAt,
    retiredAt,
  );

/** Plays a plan. @returns the problems, each beginning with the name of its oracle. */
export const simulate = async (plan: Plan, parts: Parts = realParts): Promise<readonly string[]> => {
  const world = new World(plan, parts);
  const { scheduler, start } = world;
  world.calmAt = start + lastStepOf(plan) + 60_000;
  const regions = plan.failover === undefined ? [0] : [0, 1];
  const shards = plan.pipelines.flatMap((_, pipeline) =>
    regions.flatMap((region) =>
      Array.from({ length: plan.shards }, (__, shard) => readShard(world, pipeline, shard, region)),
    ),
  );
  plan.pipelines.forEach(({ usesRetryQueue }, pipeline) => {
    if (usesRetryQueue) consumeRetries(world, pipeline);
  });
  let busy = 0;
  const during = (work: Promise<void>): void => {
    busy += 1;
    void work.finally(() => {
      busy -= 1;
    });
  };
  const redriveNow = (pipeline: number): void => during(redrive(world, pipeline));
  for (const { at, kind, pipeline } of plan.operator) {
    scheduler.after(at, () => (kind === "move" ? moveToRetries(world) : redriveNow(pipeline)));
  }
  for (const { at, pipeline } of plan.backfills) scheduler.after(at, () => during(backfill(world, pipeline)));
  for (const { at, pipeline, item } of plan.strangers) {
    scheduler.after(at, () => void world.invoke(pipeline, { Records: [strangerRecord(plan, item)] }));
  }
  const isCalm = (): boolean => scheduler.now >= world.calmAt && world.running === 0 && busy === 0;
  scheduler.after(world.calmAt - start, () => undefined);
  const isQuiet = (): boolean =>
    isCalm() && shards.every((shard) => shard.isAtEnd()) && world.retries.messages.length === 0;
  const stuck = (where: string): readonly string[] => [`progress: the world does not come to rest ${where}`];
  if (!(await scheduler.runUntil(isQuiet, maxEvents))) return stuck("after the last fault");
  for (let round = 0; round < lastRedrives; round += 1) {
    for (const [pipeline] of plan.pipelines.entries()) {
      redriveNow(pipeline);
      if (!(await scheduler.runUntil(isQuiet, maxEvents))) return stuck("after a redrive");
    }
  }
  // Requests that hang arrive at last, and zombies end.
  const until = scheduler.now + 3_600_000;
  scheduler.after(3_600_000, () => undefined);
  await scheduler.runUntil(() => scheduler.now >= until, maxEvents);
  world.isOver = true;
  return problemsIn(world);
};
