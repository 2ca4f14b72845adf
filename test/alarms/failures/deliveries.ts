// Deliveries that are rejected, or wait.

import type { World } from "../world.ts";
import { down, type Failure, takesAll } from "./failure.ts";

/** The target refuses the items whose keys begin so. */
const badKey = "bad";

const redriven = async (world: World): Promise<void> => {
  takesAll(world);
  await world.redrive();
};

export const ofDeliveries: readonly Failure[] = [
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
    what: "a dead letter stays for ten days",
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
