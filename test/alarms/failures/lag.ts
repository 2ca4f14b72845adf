// Late copies.

import { down, type Failure, runsAgain, stuckStream, takesAll } from "./failure.ts";

export const ofLag: readonly Failure[] = [
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
