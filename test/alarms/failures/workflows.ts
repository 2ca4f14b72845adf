// Runs of workflows, and a wrong target.

import { names } from "../names.ts";
import type { Play } from "../play.ts";
import type { World } from "../world.ts";
import { type Failure, nothing } from "./failure.ts";

/** An execution of a workflow that ends so. */
const executionThat =
  (workflow: "redrive" | "verify", metric: "ExecutionsFailed" | "ExecutionsTimedOut") =>
  async ({ world, minutes }: Play): Promise<void> => {
    world.metrics.put({ namespace: "AWS/States", metric, dimensions: { StateMachineArn: names[workflow] } }, 1);
    await minutes(2);
  };

/** A run of verify that ends with this number of differences. */
const verify = ({ metrics }: World, differing: number): void =>
  metrics.put(
    { namespace: "Sluice", metric: "Differing", dimensions: { function: names["verify-report"] } },
    differing,
  );

export const ofWorkflows: readonly Failure[] = [
  {
    id: "redrive-failed",
    what: "a redrive fails",
    fires: ["redrive-failed"],
    happen: executionThat("redrive", "ExecutionsFailed"),
    mend: nothing,
    clearAfter: 15,
  },
  {
    id: "redrive-timed-out",
    what: "a redrive times out",
    fires: ["redrive-timed-out"],
    happen: executionThat("redrive", "ExecutionsTimedOut"),
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
  {
    id: "verify-failed",
    what: "a verify on a schedule breaks off",
    fires: ["verify-failed"],
    happen: executionThat("verify", "ExecutionsFailed"),
    mend: nothing,
    clearAfter: 15,
  },
];
