// What a scripted failure is, and the parts of several failures.

import type { AlarmId } from "@sluice/rules";
import type { Play } from "../play.ts";
import type { World, WorldOptions } from "../world.ts";

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

export const nothing = (): void => undefined;

export const takesAll = (world: World): void => {
  for (const target of Object.values(world.targets)) target.mode = "up";
};

export const runsAgain = (world: World): void => {
  world.function.faultOf = () => undefined;
};

export const down =
  (route: keyof World["targets"], forMinutes: number) =>
  async ({ world, minutes }: Play): Promise<void> => {
    world.targets[route].mode = "down";
    await minutes(forMinutes);
  };

/** A stuck shard holds up all routes. */
export const stuckStream: Failure["fires"] = ["iterator-age", "route-lag-search", "route-lag-orders"];
