// What a chaos test wants of a target: a route, a look that shares no code with the sink, and ways to make it ill.

import type { Pipeline, UnknownItem } from "@sluice/core";
import type { Sink } from "@sluice/core/sink-kit";
import type { Holding } from "./comparison.ts";

export const faults = ["stop", "restart", "slow", "silent", "nonsense"] as const;

export type Fault = (typeof faults)[number];

/** Stands between the pipeline and a sink. */
export type Between = <Message, Writes extends "upsert" | "append">(
  sink: Sink<Message, Writes>,
) => Sink<Message, Writes>;

export interface ChaosTarget {
  readonly name: string;
  readonly addTo: (pipeline: Pipeline<UnknownItem>, between: Between) => Pipeline<UnknownItem>;
  /** Makes it ill, in the midst of what it is at. `restart` makes it well again, too. */
  readonly begin: (fault: Fault) => Promise<void>;
  /** Makes it well again. */
  readonly end: (fault: Fault) => Promise<void>;
  readonly read: () => Promise<Holding>;
  readonly close: () => Promise<void>;
}
