// The reports of a route while its target is down, and after: outcomes add up, and the lag grows, and falls.

import { describe, expect, test } from "@jest/globals";
import type { InvocationReport } from "@sluice/core";
import fc from "fast-check";
import { type Play, startPlay } from "./play.ts";
import type { routes } from "./world.ts";

type RouteName = (typeof routes)[number];

const outcomes = ["delivered", "superseded", "filtered", "rejected", "retried"] as const;

const expectSums = (reports: readonly InvocationReport[]): void => {
  for (const report of reports) {
    for (const route of Object.values(report.routes)) {
      expect(outcomes.reduce((sum, outcome) => sum + route[outcome], 0)).toBe(route.received);
      expect(route.queued).toBeLessThanOrEqual(route.retried);
    }
  }
};

interface Outage {
  readonly minutes: number;
  /** Writes in each minute. The pattern repeats. */
  readonly writes: readonly number[];
}

interface Lag {
  readonly at: number;
  readonly lag: number;
}

interface Lags {
  readonly down: readonly Lag[];
  readonly up: readonly Lag[];
  readonly upAt: number;
}

const lagsOf = (reports: readonly InvocationReport[], route: RouteName): readonly Lag[] =>
  reports.flatMap(({ endedAt: at, routes }) => {
    const lag = routes[route]?.lagMs;
    return lag === undefined ? [] : [{ at, lag }];
  });

const minuteMs = 60_000;

/** Plays an outage of a route. Returns the lags that the route reported during the outage and after it, with their times. */
const playOutage = async (play: Play, route: RouteName, { minutes, writes }: Outage): Promise<Lags> => {
  const { world } = play;
  const write = (minute: number): void => {
    for (let count = writes[minute % writes.length] ?? 0; count > 0; count -= 1) world.put(`item-${minute}-${count}`);
  };
  await play.minutes(2, write);
  world.targets[route].mode = "down";
  // The first delivery of the outage.
  world.put("first");
  const from = world.reports.length;
  await play.minutes(minutes, write);
  world.targets[route].mode = "up";
  const [upAt, until] = [world.clock.now(), world.reports.length];
  await play.minutes(Math.ceil(minutes * 1.5) + 5, () => world.put("after"));
  await world.stop();
  expectSums(world.reports);
  return {
    down: lagsOf(world.reports.slice(from, until), route),
    up: lagsOf(world.reports.slice(until), route),
    upAt,
  };
};

/** The last time after the mend at which the route was a minute late, in milliseconds after the mend. */
const lateFor = ({ up, upAt }: Lags): number =>
  Math.max(0, ...up.filter(({ lag }) => lag >= minuteMs).map(({ at }) => at - upAt));

/** The values that are below the one before them. */
const fallsIn = (values: readonly number[]): readonly number[] =>
  values.filter((value, index) => value < (values[index - 1] ?? 0));

const outages: fc.Arbitrary<Outage> = fc.record({
  minutes: fc.integer({ min: 3, max: 40 }),
  writes: fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }),
});

const runs = { numRuns: 6 } as const;
const slackMs = 90_000;
/** The longest delay of the retry queue. */
const longestDelayMs = 15 * minuteMs;

describe.each<readonly [RouteName, string]>([
  ["orders", "stream"],
  ["search", "queue"],
])("the route %s, which the %s retries", (route) => {
  test("its lag grows from report to report while its target is down, and falls when the retries arrive", async () => {
    await fc.assert(
      fc.asyncProperty(outages, async (outage) => {
        const lags = await playOutage(await startPlay({ environments: 1 }), route, outage);
        const values = lags.down.map(({ lag }) => lag);
        expect(values.length).toBeGreaterThan(1);
        expect(fallsIn(values)).toEqual([]);
        // The last attempt was at least this long after the start of the outage.
        expect(values.at(-1)).toBeGreaterThan((outage.minutes * 0.7 - 1) * minuteMs);
        // The retry queue retries within a quarter of the outage.
        expect(lateFor(lags)).toBeLessThan((outage.minutes * minuteMs) / 4 + slackMs);
      }),
      runs,
    );
  });

  test("with two environments, the maximum of the longest delay grows, and falls", async () => {
    await fc.assert(
      fc.asyncProperty(outages, async (outage) => {
        const lags = await playOutage(await startPlay({ environments: 2 }), route, outage);
        const maxima = lags.down.map(({ at }) => {
          const recent = lags.down.filter((other) => other.at <= at && other.at > at - longestDelayMs);
          return Math.max(...recent.map(({ lag }) => lag));
        });
        expect(fallsIn(maxima)).toEqual([]);
        // An environment remembers a delivery until its next attempt, which another environment may have made.
        const rememberedMs = Math.min(longestDelayMs, outage.minutes * 1.25 * minuteMs);
        expect(lateFor(lags)).toBeLessThan(rememberedMs + slackMs);
      }),
      runs,
    );
  });
});
