// What all parts of a verification have in common: the targets, the table, and the options.

import type { Image, PipelineTarget } from "@sluice/core/envelope";
import { type Clock, systemClock } from "@sluice/core/sink-kit";
import type { RecordOrigin } from "../record/records.ts";
import { comparableTargets, isComparable, targetsOfRoutes } from "../record/targets.ts";
import type { Invoke } from "../record/task.ts";
import type { ItemSource } from "../source/source.ts";
import type { SeenKeys } from "./seen-keys.ts";
import type { TableReader } from "./table-reader.ts";

/** A dead letter that waits in a queue: the item, and the route that rejected the change. */
export interface OpenDeadLetter {
  readonly keys: Image;
  readonly route: string;
}

/** Options of a verification. */
export interface VerifyOptions {
  /** The pipeline's targets: `pipeline.targets()`. */
  readonly targets: readonly PipelineTarget[];
  /** Scans the table. An eventually consistent scan is enough, because each difference is looked at again. */
  readonly source: ItemSource;
  /** Reads single items strongly consistently. */
  readonly table: TableReader;
  readonly origin: RecordOrigin;
  /** Names and types of the table's key attributes: `{ id: "S" }`. */
  readonly keyTypes: { readonly [attribute: string]: "S" | "N" | "B" };
  /** Sends repairs to the pipeline's handler. Without it, nothing is repaired. */
  readonly repair?: Invoke;
  /** Routes whose targets to verify. Default: all. */
  readonly routes?: readonly string[];
  /** Part of the items to verify, from 0 to 1. Every run has the same items. Default 1. */
  readonly sample?: number;
  /**
   * Milliseconds between two looks at a difference. Changes must reach their targets in less time. Default 60,000. While the
   * live stream lags more than this, the lag counts.
   */
  readonly graceMs?: number;
  /** Reads how far the live stream lags, in milliseconds; undefined if unknown. */
  readonly lag?: () => Promise<number | undefined>;
  /** Number of looks at a difference, after which the item is `in flight`. Default 5. */
  readonly maxLooks?: number;
  /** Maximum number of differences. With more, the run stops. Default 100,000. */
  readonly maxSuspects?: number;
  /** Lists the open dead letters. An item with one is `pending`, and is not repaired. */
  readonly deadLetters?: () => Promise<readonly OpenDeadLetter[]>;
  /** Whether findings have the values that differ. Default false. */
  readonly showValues?: boolean;
  readonly clock?: Clock;
}

/** Options with their defaults, and the targets that can be compared. */
export interface Verification extends VerifyOptions {
  readonly comparable: readonly PipelineTarget[];
  readonly sample: number;
  readonly graceMs: number;
  readonly maxLooks: number;
  readonly maxSuspects: number;
  readonly clock: Clock;
  /** The keys of the items that the run has read. Undefined: every copy's item is read. */
  readonly seen?: SeenKeys;
}

/** Returns the name of a target: its first route. */
export const nameOfTarget = ({ routes }: PipelineTarget): string => routes[0] ?? "";

/** The options that decide what a verification can see. */
type Asked = Pick<VerifyOptions, "targets" | "repair"> & { readonly routes?: readonly string[] | undefined };

/** Fills in the defaults. */
export const verificationOf = (options: VerifyOptions): Verification => ({
  ...options,
  comparable: comparableTargets(options.targets, options.routes),
  sample: options.sample ?? 1,
  graceMs: options.graceMs ?? 60_000,
  maxLooks: options.maxLooks ?? 5,
  maxSuspects: options.maxSuspects ?? 100_000,
  clock: options.clock ?? systemClock,
});

/** Returns sentences about what this verification cannot see, or cannot repair. */
export const limitsOf = (options: Asked): string[] =>
  targetsOfRoutes(options.targets, options.routes).flatMap((target) => {
    const name = nameOfTarget(target);
    const { sink, acceptsBackfills, deletesRemoved } = target;
    if (!isComparable(target)) return [`${name}: nothing to compare, because the sink cannot read its target`];
    return [
      ...(sink.keys === undefined ? [`${name}: ghosts are not searched, because the sink cannot list its keys`] : []),
      ...(deletesRemoved
        ? []
        : [`${name}: ghosts are not searched, because the target keeps the copies of removed items`]),
      ...(acceptsBackfills || options.repair === undefined
        ? []
        : [`${name}: nothing is repaired, because a route of the target does not accept the origin "backfill"`]),
    ];
  });
