// A week of normal load fires no alarm.

import { afterEach, expect, test } from "@jest/globals";
import { randomOf } from "../convergence/random.ts";
import { alarmWatch } from "./alarms.ts";
import { listedAlarms } from "./listed-alarms.ts";
import { names } from "./names.ts";
import { type Play, startPlay } from "./play.ts";
import { playWeek, weekMinutes } from "./week.ts";
import { routes } from "./world.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** The dead letters of an earlier failure, as a file has them. */
const exportedLetters = async ({ world, minutes, alarms, deployed }: Play): Promise<readonly string[]> => {
  world.targets.search.mode = "refusing";
  for (const key of ["bad-1", "bad-2"]) world.put(key);
  await minutes(5);
  const letters = world.deadLetters.bodies();
  world.deadLetters.clear();
  world.targets.search.mode = "up";
  await minutes(20);
  for (const watch of [alarms, deployed]) watch.forget();
  return letters;
};

let play: Play | undefined;
afterEach(() => play?.world.stop());

test(`a week of normal load fires no alarm, with the seed ${seed}`, async () => {
  play = await startPlay({ pollIntervalMs: 10_000 });
  const { world, alarms, deployed, watches } = play;
  const letters = await exportedLetters(play);
  expect(letters).toHaveLength(2);
  // CloudWatch does not say how many periods it evaluates more.
  const ranges = [0, 5].map((extraPeriods) => alarmWatch(listedAlarms(routes), world.metrics, extraPeriods));
  watches.push(...ranges);
  const startedAt = world.clock.now();
  await playWeek(play, randomOf(seed), letters);
  expect(world.clock.now() - startedAt).toBe(weekMinutes * 60_000);
  for (const watch of [alarms, deployed, ...ranges]) expect(watch.fired()).toEqual([]);
  // The week was not empty.
  const sumOf = (namespace: string, metric: string, dimensions: Record<string, string>): number | undefined =>
    world.metrics.statistic({ namespace, metric, dimensions }, "Sum", startedAt, world.clock.now());
  for (const metric of ["Errors", "Throttles"]) {
    expect(sumOf("AWS/Lambda", metric, { FunctionName: names.function })).toBeGreaterThan(0);
  }
  for (const metric of ["Queued", "Superseded", "Retried"]) {
    expect(sumOf("Sluice", metric, { function: names.function })).toBeGreaterThan(0);
  }
  await world.mapping.drained();
  await world.stop();
  for (const { versions } of Object.values(world.targets)) {
    expect(versions.size).toBe(new Set(world.records().map(({ dynamodb }) => JSON.stringify(dynamodb?.Keys))).size);
  }
}, 600_000);
