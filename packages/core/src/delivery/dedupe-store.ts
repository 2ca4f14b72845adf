// What an append route does about repeats. Each mode has its price and its gap: docs/guarantees.md has both, measured.

import { ConfigError } from "../errors.ts";
import type { Sink } from "../sink/sink.ts";
import type { PendingItems } from "./pending-items.ts";

/**
 * How repeats of a change are kept from an append target. `native`: the target discards them by idempotency key.
 * `on-failure`: what is delivered already is noted when its batch is about to come again. `always`: each delivery is
 * acquired in a store before it is sent. `none`: they are sent again.
 */
export type Dedupe = "native" | "on-failure" | "always" | "none";

const modes: readonly unknown[] = ["native", "on-failure", "always", "none"] satisfies Dedupe[];

/** A route of a pipeline: whose memory it is. */
export interface RouteId {
  readonly pipeline: string;
  readonly route: string;
}

/** A delivery that is settled for good. */
export interface JournalEntry {
  readonly idempotencyKey: string;
  readonly version: string;
}

/** Remembers what was delivered of batches that come again. */
export interface Journal {
  /**
   * Idempotency keys of the notes of a route whose versions lie between two, both included. More may be answered.
   * Must see every note that was taken before.
   */
  readonly find: (
    route: RouteId,
    range: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ) => Promise<ReadonlySet<string>>;
  /** Takes notes, to be kept for longer than the stream keeps a record (24 hours). Rejects unless all were taken. */
  readonly note: (route: RouteId, notes: readonly JournalEntry[]) => Promise<void>;
}

/** What became of a acquire: it is yours, the delivery was sent before, or another invocation may hold it so long. */
export type LeaseResult = "acquired" | "completed" | { readonly heldForMs: number };

/** Lets one invocation at a time send a delivery, and none when it was sent. Rejects with a `SinkError`. */
export interface Leases {
  /** A lease that is neither completed nor released ends by itself after `holdMs`: its holder has crashed. */
  readonly acquire: (route: RouteId, idempotencyKey: string, holdMs: number) => Promise<LeaseResult>;
  /** Remembers, for longer than a dead letter can wait for its redrive, that the delivery was sent. */
  readonly complete: (route: RouteId, idempotencyKey: string) => Promise<void>;
  /** Gives a lease back: the delivery was not sent. What another invocation has completed meanwhile stays completed. */
  readonly release: (route: RouteId, idempotencyKey: string) => Promise<void>;
}

/**
 * Where append routes remember what they have delivered: `journal` for `on-failure`, `leases` for `always`; and which
 * items wait in the retry queue, for those that spill.
 */
export interface DedupeStore {
  readonly journal: Journal;
  readonly leases: Leases;
  readonly pendingItems?: PendingItems;
}

const invalid = (message: string): ConfigError => new ConfigError("CONFIG_INVALID", message);

const isStored = (dedupe: Dedupe): boolean => dedupe === "on-failure" || dedupe === "always";

/** The sink's own default, then what the target does by itself, then the journal. */
const defaultOf = ({ supports }: Sink<unknown>): Dedupe =>
  supports.dedupe ?? (supports.dedupesForMs === undefined ? "on-failure" : "native");

/**
 * How a route keeps repeats from its target; `none` for upsert routes, whose guard takes them.
 * @throws {ConfigError} CONFIG_INVALID when the mode is unknown, the target has no such thing, or there is no store.
 */
export const dedupeOf = (sink: Sink<unknown>, name: string, asked: unknown, hasStore: boolean): Dedupe => {
  if (sink.supports.writes === "upsert") {
    if (asked === undefined) return "none";
    throw invalid(`[${name}] dedupe is for append sinks; an upsert sink takes repeats by version, so leave it out`);
  }
  if (asked !== undefined && !modes.includes(asked)) {
    throw invalid(`[${name}] dedupe is ${String(asked)}; expected ${modes.join(", ")}`);
  }
  const dedupe = (asked as Dedupe | undefined) ?? defaultOf(sink);
  if (dedupe === "native" && sink.supports.dedupesForMs === undefined) {
    throw invalid(`[${name}] dedupe is native, which this target is not; expected on-failure, always or none`);
  }
  if (!isStored(dedupe) || hasStore) return dedupe;
  throw invalid(
    `[${name}] dedupe is ${dedupe}${asked === undefined ? " by default" : ""}, and the pipeline has no dedupeStore; expected one, such as dynamodbDedupe({ tableName }), or { dedupe: "none" } to send repeats again`,
  );
};
