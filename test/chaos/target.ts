// A target of a chaos test: a route, a reader of its content, and faults. The reader shares no code with the sink.

import type { Pipeline, UnknownItem } from "@sluice/core";
import type { Sink } from "@sluice/core/sink-kit";
import type { TargetContent } from "./comparison.ts";

export const faults = ["stop", "restart", "slow", "hang", "garble"] as const;

export type Fault = (typeof faults)[number];

/** Wraps a sink. A chaos test uses this to start a fault during a write. */
export type WrapSink = <Message, Writes extends "upsert" | "append">(
  sink: Sink<Message, Writes>,
) => Sink<Message, Writes>;

export interface ChaosTarget {
  readonly name: string;
  readonly addTo: (pipeline: Pipeline<UnknownItem>, wrap: WrapSink) => Pipeline<UnknownItem>;
  /** Starts the fault. The test calls this function during a write. The fault `restart` ends by itself. */
  readonly begin: (fault: Fault) => Promise<void>;
  /** Ends the fault. */
  readonly end: (fault: Fault) => Promise<void>;
  readonly read: () => Promise<TargetContent>;
  readonly close: () => Promise<void>;
}
