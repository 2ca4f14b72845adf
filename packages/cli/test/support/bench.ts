// A Lambda function that runs a shop's pipeline, and the command that redrives messages to this function.

import type { PipelineOptions, UnknownItem } from "@sluice/core";
import { type FakeLambda, startLambda } from "./lambda.ts";
import { openShop, type Shop } from "./shop.ts";
import { type Ended, runSluice, type Started, startSluice } from "./sluice.ts";

export interface Bench {
  readonly shop: Shop;
  readonly lambda: FakeLambda;
  /** Runs `sluice redrive` to its end. */
  readonly redrive: (place: string, ...args: string[]) => Promise<Ended>;
  readonly startRedrive: (place: string, ...args: string[]) => Started;
}

export interface BenchOptions extends Partial<PipelineOptions<UnknownItem>> {
  readonly env?: NodeJS.ProcessEnv;
  /** Runs before each invocation. `invocation` is 1 for the first invocation. */
  readonly before?: (invocation: number) => Promise<void> | void;
}

/** Runs a test with a new shop. */
export const withShop = async (use: (bench: Bench) => Promise<void>, options: BenchOptions = {}): Promise<void> => {
  const { env = {}, before = () => undefined, ...pipelineOptions } = options;
  const shop = openShop(pipelineOptions);
  let invocations = 0;
  const lambda = await startLambda({
    shop: async (event) => {
      invocations += 1;
      await before(invocations);
      return shop.run(event);
    },
  });
  const start = (place: string, args: readonly string[]) =>
    [["redrive", place, "--function", "shop", ...args], { env: { ...lambda.env, ...env } }] as const;
  try {
    await use({
      shop,
      lambda,
      redrive: (place, ...args) => runSluice(...start(place, args)),
      startRedrive: (place, ...args) => startSluice(...start(place, args)),
    });
  } finally {
    await lambda.stop();
  }
};

/** Returns the first line of the output, which has the counts. */
export const sumOf = ({ stdout }: Ended): string => stdout.split("\n")[0] ?? "";

/** Returns the revision of each item in the shop. */
export const revisionsIn = (shop: Shop): Record<string, unknown> =>
  Object.fromEntries([...shop.orders.items().values()].map(({ pk, revision }) => [pk, revision]));
