// A failure for each alarm of the list.

import type { AlarmId } from "@sluice/rules";
import { names } from "./names.ts";
import type { Play } from "./play.ts";
import type { World, WorldOptions } from "./world.ts";

/** A scripted failure: what happens, and how a person mends it. */
export interface Failure {
  readonly id: AlarmId;
  readonly what: string;
  /** Names of the alarms that fire, in the order of the list: that of `id`, and those that are true at the same time. */
  readonly fires: readonly string[];
  readonly options?: WorldOptions;
  /** Plays until the alarm must be on. */
  readonly happen: (play: Play) => Promise<void>;
  readonly mend: (world: World) => Promise<void> | void;
  /** Minutes after the mend, after which all alarms must be off. */
  readonly clearAfter: number;
}

const nothing = (): void => undefined;

/** The items with these keys: the function throws, or the target refuses them. */
const [crashKey, badKey] = ["crash", "bad"] as const;

const takesAll = (world: World): void => {
  for (const target of Object.values(world.targets)) target.mode = "up";
};

const runsAgain = (world: World): void => {
  world.function.faultOf = () => undefined;
};

const redriven = async (world: World): Promise<void> => {
  takesAll(world);
  await world.redrive();
};

const down =
  (route: keyof World["targets"], forMinutes: number) =>
  async ({ world, minutes }: Play): Promise<void> => {
    world.targets[route].mode = "down";
    await minutes(forMinutes);
  };

const hasKey = (event: unknown, key: string): boolean => JSON.stringify(event).includes(`{"pk":{"S":"${key}"}}`);

/** A record that makes the function throw. Lambda gives up on it after three retries, within seconds. */
const crashingRecord = async ({ world, minutes }: Play): Promise<void> => {
  world.function.faultOf = (event) => (hasKey(event, crashKey) ? "fails" : undefined);
  world.put(crashKey);
  await minutes(2);
};

const fewRetries = { maximumRetryAttempts: 3 } as const;

/** An execution of the redrive that ends so. */
const executionThat =
  (metric: "ExecutionsFailed" | "ExecutionsTimedOut") =>
  async ({ world, minutes }: Play): Promise<void> => {
    world.metrics.put({ namespace: "AWS/States", metric, dimensions: { StateMachineArn: names.redrive } }, 1);
    await minutes(2);
  };

/** A run of verify that ends with this number of differences. */
const verify = ({ metrics }: World, differing: number): void =>
  metrics.put(
    { namespace: "Sluice", metric: "Differing", dimensions: { function: names["verify-report"] } },
    differing,
  );

/** A stuck shard holds up all routes. */
const stuckStream: Failure["fires"] = ["iterator-age", "route-lag-search", "route-lag-orders"];

const ofLag: readonly Failure[] = [
  {
    id: "iterator-age",
    what: "the function throws for 15 minutes, so it writes no metric",
    fires: ["iterator-age", "errors"],
    happen: async ({ world, minutes }) => {
      world.function.faultOf = () => "fails";
      await minutes(15);
    },
    mend: runsAgain,
    clearAfter: 30,
  },
  {
    id: "route-lag",
    what: "the target of a route that the stream retries is down for 20 minutes",
    fires: stuckStream,
    happen: down("orders", 20),
    mend: takesAll,
    clearAfter: 15,
  },
  {
    id: "pending-age",
    what: "the target of a route with retries in the queue is down for 75 minutes",
    fires: ["route-lag-search", "pending-age", "queued"],
    happen: down("search", 75),
    mend: takesAll,
    clearAfter: 90,
  },
  {
    id: "silent",
    what: "the mapping is disabled for 20 minutes",
    fires: ["silent"],
    happen: async ({ world, minutes }) => {
      await world.mapping.stop();
      await minutes(20);
    },
    mend: ({ mapping }) => mapping.start(),
    clearAfter: 10,
  },
];

const ofDeliveries: readonly Failure[] = [
  {
    id: "dead-letters",
    what: "the target refuses one item",
    fires: ["dead-letters"],
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "refusing";
      world.put(badKey);
      await minutes(3);
    },
    mend: redriven,
    clearAfter: 8,
  },
  {
    id: "dead-letters-age",
    what: "no redrive of a dead letter for ten days",
    fires: ["dead-letters", "dead-letters-age"],
    options: { pollIntervalMs: 60_000 },
    happen: async ({ world, minutes, idleDays }) => {
      world.targets.search.mode = "refusing";
      world.put(badKey);
      await idleDays(10);
      await minutes(5);
    },
    mend: redriven,
    clearAfter: 200,
  },
  {
    id: "rejected-share",
    what: "the target refuses a twentieth of the changes, after a change of the mapper",
    fires: ["dead-letters", "rejected-share"],
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "refusing";
      await minutes(15, () => {
        for (let count = 0; count < 60; count += 1)
          world.put(count % 20 === 0 ? `${badKey}-${count}` : `item-${count}`);
      });
    },
    mend: redriven,
    clearAfter: 20,
  },
  {
    id: "queued",
    what: "the target of a route with retries in the queue is down for 12 minutes",
    fires: ["route-lag-search", "queued"],
    happen: down("search", 12),
    mend: takesAll,
    clearAfter: 45,
  },
  {
    id: "retries-age",
    what: "the mapping of the retry queue is disabled after a target was down for two minutes",
    fires: ["retries-age"],
    happen: async ({ world, minutes }) => {
      await world.retryMapping.stop();
      world.targets.search.mode = "down";
      await minutes(2);
      world.targets.search.mode = "up";
      await minutes(70);
    },
    mend: ({ retryMapping }) => retryMapping.start(),
    clearAfter: 25,
  },
  {
    id: "retries-hidden",
    what: "100,000 messages wait for their next attempt",
    fires: ["retries-hidden"],
    happen: async ({ world, minutes }) => {
      world.retries.addHidden(100_000, 600_000);
      await minutes(4);
    },
    mend: ({ retries }) => retries.clear(),
    clearAfter: 6,
  },
];

const ofLambda: readonly Failure[] = [
  {
    id: "errors",
    what: "each batch fails at its first attempt, for 20 minutes",
    fires: ["errors"],
    happen: async ({ world, minutes }) => {
      const seen = new Set<string>();
      world.function.faultOf = (event) => {
        const text = JSON.stringify(event);
        const isFirst = !seen.has(text);
        seen.add(text);
        return isFirst ? "fails" : undefined;
      };
      await minutes(20);
    },
    mend: runsAgain,
    clearAfter: 30,
  },
  {
    id: "throttles",
    what: "every second invocation is throttled for 16 minutes",
    fires: ["throttles"],
    happen: async ({ world, minutes }) => {
      let count = 0;
      world.function.faultOf = () => {
        count += 1;
        return count % 2 === 1 ? "throttled" : undefined;
      };
      await minutes(16);
    },
    mend: runsAgain,
    clearAfter: 20,
  },
  {
    id: "gave-up",
    what: "Lambda retries a record that makes the function throw, and gives up",
    fires: ["gave-up"],
    options: { mapping: fewRetries },
    happen: crashingRecord,
    mend: runsAgain,
    clearAfter: 5,
  },
  {
    id: "dropped",
    what: "Lambda gives up, and the mapping has no on-failure destination",
    fires: ["dropped"],
    options: { mapping: fewRetries, destination: "none" },
    happen: crashingRecord,
    mend: runsAgain,
    clearAfter: 5,
  },
  {
    id: "destination-failures",
    what: "Lambda gives up, and may not write to the on-failure destination",
    fires: ["dropped", "destination-failures"],
    options: { mapping: fewRetries, destination: "failing" },
    happen: crashingRecord,
    mend: runsAgain,
    clearAfter: 5,
  },
];

const ofWorkflows: readonly Failure[] = [
  {
    id: "redrive-failed",
    what: "a redrive fails",
    fires: ["redrive-failed"],
    happen: executionThat("ExecutionsFailed"),
    mend: nothing,
    clearAfter: 15,
  },
  {
    id: "redrive-timed-out",
    what: "a redrive times out",
    fires: ["redrive-timed-out"],
    happen: executionThat("ExecutionsTimedOut"),
    mend: nothing,
    clearAfter: 15,
  },
  {
    id: "all-superseded",
    what: "the target was filled from a stream that was created later",
    fires: ["all-superseded-search"],
    happen: async ({ world, minutes }) => {
      for (const itemKey of world.targets.search.versions.keys()) world.targets.search.versions.set(itemKey, "9");
      await minutes(20);
    },
    mend: ({ targets }) => targets.search.versions.clear(),
    clearAfter: 20,
  },
  {
    id: "verify-differs",
    what: "a verify finds two copies that differ, and the next one finds none",
    fires: ["verify-differs"],
    happen: async ({ world, minutes }) => {
      verify(world, 2);
      await minutes(5);
    },
    mend: (world) => verify(world, 0),
    clearAfter: 5,
  },
];

/** The same alarms for a table that is idle after one change: few data points are enough. */
export const idleFailures: readonly Failure[] = [
  {
    id: "route-lag",
    what: "one change waits for the target of a route that the stream retries, for 20 minutes",
    fires: stuckStream,
    happen: async ({ world, minutes }) => {
      world.targets.orders.mode = "down";
      world.put("only");
      await minutes(20, nothing);
    },
    mend: takesAll,
    clearAfter: 20,
  },
  {
    id: "pending-age",
    what: "one change waits in the retry queue for 90 minutes",
    fires: ["route-lag-search", "pending-age"],
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "down";
      world.put("only");
      await minutes(90, nothing);
    },
    mend: takesAll,
    clearAfter: 90,
  },
  {
    id: "errors",
    what: "a message of the retry queue makes the function throw, which SQS shows again every 6 minutes",
    fires: ["errors"],
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "down";
      world.put("only");
      await minutes(1, nothing);
      world.function.faultOf = (event) => (JSON.stringify(event).includes("receiptHandle") ? "fails" : undefined);
      await minutes(30, nothing);
    },
    mend: (world) => {
      takesAll(world);
      runsAgain(world);
    },
    clearAfter: 90,
  },
];

export const failures: readonly Failure[] = [...ofLag, ...ofDeliveries, ...ofLambda, ...ofWorkflows];
