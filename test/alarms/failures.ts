// A failure for each alarm of the list.

import type { AlarmId } from "@sluice/rules";
import { names } from "./names.ts";
import type { Play } from "./play.ts";
import type { WorldOptions } from "./world.ts";

/** A scripted failure: what happens, and how a person mends it. */
export interface Failure {
  readonly id: AlarmId;
  /** The alarms that must be on, in the order of the list. Other ones than `id` are true at the same time. */
  readonly fires: readonly string[];
  readonly options?: WorldOptions;
  /** Plays until the alarm must be on. */
  readonly happen: (play: Play) => Promise<void>;
  readonly mend: (play: Play) => Promise<void> | void;
  /** Minutes after the mend, after which all alarms must be off. */
  readonly clearAfter: number;
}

const nothing = (): void => undefined;

/** The item with this key makes the function throw. */
const crashKey = "crash";

const hasKey = (event: unknown, key: string): boolean => JSON.stringify(event).includes(`{"pk":{"S":"${key}"}}`);

/** A record that makes the function throw. Lambda gives up on it after three retries, within seconds. */
const crashingRecord = async ({ world, minutes }: Play): Promise<void> => {
  world.function.faultOf = (event) => (hasKey(event, crashKey) ? "fails" : undefined);
  world.put(crashKey);
  await minutes(2);
};

const fewRetries = { maximumRetryAttempts: 3 } as const;

const execution = ({ world }: Play, result: "ExecutionsFailed" | "ExecutionsTimedOut"): void =>
  world.metrics.put({ namespace: "AWS/States", metric: result, dimensions: { StateMachineArn: names.redrive } }, 1);

export const failures: readonly Failure[] = [
  {
    id: "iterator-age",
    fires: ["iterator-age"],
    happen: async ({ world, minutes }) => {
      world.targets.orders.mode = "down";
      await minutes(12);
    },
    mend: ({ world }) => {
      world.targets.orders.mode = "up";
    },
    clearAfter: 8,
  },
  {
    id: "dead-letters",
    fires: ["dead-letters"],
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "refusing";
      world.put("bad-1");
      await minutes(3);
    },
    mend: async ({ world }) => {
      world.targets.search.mode = "up";
      await world.redrive();
    },
    clearAfter: 8,
  },
  {
    id: "dead-letters-age",
    fires: ["dead-letters", "dead-letters-age"],
    options: { pollIntervalMs: 60_000 },
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "refusing";
      world.put("bad-1");
      await minutes(10 * 24 * 60 + 70, nothing);
    },
    mend: async ({ world }) => {
      world.targets.search.mode = "up";
      await world.redrive();
    },
    clearAfter: 190,
  },
  {
    id: "queued",
    fires: ["queued"],
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "down";
      await minutes(8);
    },
    mend: ({ world }) => {
      world.targets.search.mode = "up";
    },
    clearAfter: 15,
  },
  {
    id: "retries-age",
    fires: ["queued", "retries-age"],
    happen: async ({ world, minutes }) => {
      world.targets.search.mode = "down";
      await minutes(75);
    },
    mend: ({ world }) => {
      world.targets.search.mode = "up";
    },
    clearAfter: 45,
  },
  {
    id: "retries-hidden",
    fires: ["retries-hidden"],
    happen: async ({ world, minutes }) => {
      world.retries.addHidden(100_000, 600_000);
      await minutes(4);
    },
    mend: ({ world }) => world.retries.clear(),
    clearAfter: 6,
  },
  {
    id: "errors",
    fires: ["errors"],
    happen: async ({ world, minutes }) => {
      world.function.faultOf = () => "fails";
      await minutes(6);
    },
    mend: ({ world }) => {
      world.function.faultOf = () => undefined;
    },
    clearAfter: 20,
  },
  {
    id: "throttles",
    fires: ["throttles"],
    happen: async ({ world, minutes }) => {
      let count = 0;
      world.function.faultOf = () => {
        count += 1;
        return count % 2 === 1 ? "throttled" : undefined;
      };
      await minutes(16);
    },
    mend: ({ world }) => {
      world.function.faultOf = () => undefined;
    },
    clearAfter: 20,
  },
  {
    id: "gave-up",
    fires: ["gave-up"],
    options: { mapping: fewRetries },
    happen: crashingRecord,
    mend: nothing,
    clearAfter: 5,
  },
  {
    id: "dropped",
    fires: ["dropped"],
    options: { mapping: fewRetries, destination: "none" },
    happen: crashingRecord,
    mend: nothing,
    clearAfter: 5,
  },
  {
    id: "destination-failures",
    fires: ["dropped", "destination-failures"],
    options: { mapping: fewRetries, destination: "failing" },
    happen: crashingRecord,
    mend: nothing,
    clearAfter: 5,
  },
  {
    id: "redrive-failed",
    fires: ["redrive-failed"],
    happen: async (play) => {
      execution(play, "ExecutionsFailed");
      await play.minutes(6);
    },
    mend: nothing,
    clearAfter: 15,
  },
  {
    id: "redrive-timed-out",
    fires: ["redrive-timed-out"],
    happen: async (play) => {
      execution(play, "ExecutionsTimedOut");
      await play.minutes(6);
    },
    mend: nothing,
    clearAfter: 15,
  },
  {
    id: "all-superseded",
    fires: ["all-superseded/search"],
    happen: async ({ world, minutes }) => {
      // The target was filled from a stream that was created later.
      for (const itemKey of world.targets.search.versions.keys()) world.targets.search.versions.set(itemKey, "9");
      await minutes(20);
    },
    mend: ({ world }) => world.targets.search.versions.clear(),
    clearAfter: 20,
  },
];
