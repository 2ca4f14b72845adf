// Failures of a table that is idle after one change.

import { type Failure, nothing, runsAgain, stuckStream, takesAll } from "./failure.ts";

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
