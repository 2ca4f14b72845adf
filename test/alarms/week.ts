// A week of normal load: idle nights, bursts, deployments, targets that restart, a redrive, a backfill and verify runs.

import { backfillRecord, microsOf } from "@sluice/backfill";
import type { Random } from "../convergence/random.ts";
import { names } from "./names.ts";
import type { Play } from "./play.ts";
import type { World } from "./world.ts";

type Event = (world: World) => Promise<void> | void;

const [dayMinutes, hourMinutes] = [24 * 60, 60];
/** Minutes from Monday, 00:00. */
export const weekMinutes: number = 7 * dayMinutes;

/** A burst that needs more than one batch, beside a slow target and a throttled invocation. */
const burst: Event = (world) => {
  for (let count = 0; count < 300; count += 1) world.put(`burst-${count}`);
  world.targets.search.latencyMs = 8_000;
  let invocations = 0;
  world.function.faultOf = () => {
    invocations += 1;
    return invocations === 1 ? "throttled" : undefined;
  };
};

const calm: Event = (world) => {
  world.targets.search.latencyMs = 50;
  world.function.faultOf = () => undefined;
};

/** New environments, in which invocations fail for half a minute. Lambda retries their batches. */
const deployment =
  (atSecond: number): Event =>
  (world) => {
    const deploy = async (): Promise<void> => {
      await world.clock.sleep(atSecond * 1_000);
      world.function.deploy();
      world.function.faultOf = () => "fails";
      for (let count = 0; count < 6; count += 1) {
        world.put(`during-deployment-${count}`);
        await world.clock.sleep(5_000);
      }
      world.function.faultOf = () => undefined;
    };
    // Time passes only while the week is played.
    void deploy();
  };

const switched =
  (route: keyof World["targets"], mode: "up" | "down"): Event =>
  (world) => {
    world.targets[route].mode = mode;
    // An outage without a write would be none.
    if (mode === "down") world.put("during-outage");
  };

/** Redrives dead letters that were exported to a file and deleted from the queue some time ago. */
const redriveOfFile =
  (bodies: readonly string[]): Event =>
  async ({ invokeTask }) => {
    await invokeTask(
      "redrive",
      bodies.map((body, index) => ({ messageId: String(index), body })),
    );
  };

const backfillOf: Event = async ({ records, clock, invokeTask }) => {
  const items = new Map(records().map((record) => [JSON.stringify(record.dynamodb?.Keys), record]));
  const asOf = microsOf(clock.now());
  const copies = [...items.values()].map(({ dynamodb, eventSourceARN: streamArn = "" }) =>
    backfillRecord({ run: "backfill-1", streamArn, keyNames: ["pk"] }, dynamodb?.NewImage ?? {}, asOf),
  );
  for (let from = 0; from < copies.length; from += 25) await invokeTask("backfill", copies.slice(from, from + 25));
};

const verifyWithoutDifference: Event = ({ metrics }) =>
  metrics.put({ namespace: "Sluice", metric: "Differing", dimensions: { function: names["verify-report"] } }, 0);

/** The events of a week by minute, at random times of the working hours of different days. */
const eventsOf = (random: Random, letters: readonly string[]): ReadonlyMap<number, readonly Event[]> => {
  const events = new Map<number, Event[]>();
  const add = (minute: number, ...more: readonly Event[]): void => {
    events.set(minute, [...(events.get(minute) ?? []), ...more]);
  };
  /** A half hour of its own for each event of a day, so that two events of a day are not one larger event. */
  const timeOn = (day: number, slot: number): number =>
    day * dayMinutes + 8 * hourMinutes + slot * hourMinutes + random.integer(30);
  const during = (start: number, minutes: number, begin: Event, end: Event): void => {
    add(start, begin);
    add(start + minutes, end);
  };
  for (const day of [0, 2, 3, 4]) during(timeOn(day, random.integer(3)), 1, burst, calm);
  for (const day of [0, 1, 3]) add(timeOn(day, 4), deployment(random.integer(60)));
  for (const day of [1, 2]) during(timeOn(day, 5), 2, switched("search", "down"), switched("search", "up"));
  during(timeOn(4, 5), 2, switched("orders", "down"), switched("orders", "up"));
  during(
    timeOn(3, 6),
    3,
    ({ mapping }) => mapping.stop(),
    ({ mapping }) => mapping.start(),
  );
  during(
    timeOn(4, 6),
    3,
    ({ retryMapping }) => retryMapping.stop(),
    ({ retryMapping }) => retryMapping.start(),
  );
  add(timeOn(2, 7), redriveOfFile(letters));
  add(timeOn(3, 8), backfillOf);
  for (let day = 0; day < 7; day += 1) add(day * dayMinutes + 3 * hourMinutes, verifyWithoutDifference);
  return events;
};

/** Writes of a minute: one to three in working hours, one now and then on the weekend, none at night. */
const writesAt = (minute: number, random: Random): number => {
  const [day, hour] = [Math.floor(minute / dayMinutes), Math.floor((minute % dayMinutes) / hourMinutes)];
  if (hour < 7 || hour >= 20) return 0;
  if (day >= 5) return random.chance(0.1) ? 1 : 0;
  return random.chance(0.8) ? 1 + random.integer(3) : 0;
};

/** Plays the week. `letters` are the exported dead letters. */
export const playWeek = async ({ world, minutes }: Play, random: Random, letters: readonly string[]): Promise<void> => {
  const events = eventsOf(random, letters);
  let minute = 0;
  await minutes(weekMinutes, async () => {
    for (const event of events.get(minute) ?? []) await event(world);
    for (let count = writesAt(minute, random); count > 0; count -= 1) world.put(`item-${random.integer(200)}`);
    minute += 1;
  });
};
