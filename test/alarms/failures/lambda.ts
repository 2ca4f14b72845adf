// Invocations that fail, and records that are lost.

import type { Play } from "../play.ts";
import { type Failure, runsAgain } from "./failure.ts";

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

export const ofLambda: readonly Failure[] = [
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
