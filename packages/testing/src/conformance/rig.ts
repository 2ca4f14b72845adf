// What a sink's author gives the conformance kit.

import type { Delivery, Mapper, Sink } from "@sluice/core/sink-kit";
import type { SentMessage } from "../memory/sinks.ts";
import type { SpecimenItem } from "../records/specimen.ts";
import type { Fault, FaultKind } from "./fault.ts";

/** A sink under test with an empty target, opened anew for every case. */
export interface Rig {
  /** Requests that reached the target since the rig was opened; of a database: statements. */
  readonly requests: () => number;
  /** Makes the target fail from the next request on. */
  readonly fail: (fault: Fault) => Promise<void> | void;
  /** Ends every fault. */
  readonly heal: () => Promise<void> | void;
  /** Stops the target. The kit has closed the sink before. */
  readonly close: () => Promise<void> | void;
  /** Credentials that the sink was given: no error message may hold one. */
  readonly secrets?: readonly string[];
}

/** The rig of an upsert sink. */
export interface UpsertRig<Message> extends Rig {
  readonly sink: Sink<Message, "upsert">;
  /** The message of a live change: made of the item alone, so that equal items make equal messages. */
  readonly toMessage: Mapper<SpecimenItem, Message, "upsert">;
  /**
   * The messages of the live items that the target holds, in any order, tombstones left out. Each equals, as JSON,
   * what `toMessage` made; a number that a double cannot hold may be its decimal text.
   */
  readonly read: () => Promise<readonly unknown[]>;
}

/** The rig of an append sink. */
export interface AppendRig<Message> extends Rig {
  readonly sink: Sink<Message, "append">;
  /** The message of a change of any kind. Different changes make different messages: write `change.version` into it. */
  readonly toMessage: Mapper<SpecimenItem, Message, "append">;
  /** Every message that the target took, oldest first, repeats repeated, with the idempotency key found on it. */
  readonly read: () => Promise<readonly SentMessage[]>;
}

/** What a rig may be unable to do: make a fault, open a sink with wrong options, or look without writing. */
export type Ability = FaultKind | "bad-options" | "dryRun";

/** The target's limits, where the sink has to split a batch. */
export interface Limits {
  /** Most entries of one request: C07. */
  readonly maxEntries?: number;
  /** Most bytes of one request, and what one delivery takes of them: C08. */
  readonly maxBytes?: { readonly total: number; readonly sizeOf: (delivery: Delivery) => number };
}

interface Shared {
  /** Heading of the cases. Default: `a sink that writes by upsert` or `… by append`. */
  readonly name?: string;
  readonly limits?: Limits;
  /** What the rig cannot do, each with the reason: cases that need it are skipped, and the reason is printed. */
  readonly cannot?: { readonly [Name in Ability]?: string };
  /** Cases that do not apply, each with the reason, which is printed. */
  readonly skip?: { readonly [Id in CaseId]?: string };
  /** Factory calls with one wrong option each, by the option's name: C20. Each must throw a `ConfigError` naming it. */
  readonly badOptions?: { readonly [option: string]: () => unknown };
  /** Seed of the random cases. Default 1. */
  readonly seed?: number;
  /** Where skipped cases and their reasons are printed. Default: standard error. */
  readonly print?: (line: string) => void;
}

export interface UpsertConformance<Message> extends Shared {
  readonly writes: "upsert";
  readonly open: () => Promise<UpsertRig<Message>>;
}

export interface AppendConformance<Message> extends Shared {
  readonly writes: "append";
  readonly open: () => Promise<AppendRig<Message>>;
}

/** How to open the sink under test, and what its target can and cannot do. */
export type Conformance<Message> = UpsertConformance<Message> | AppendConformance<Message>;

/** C: every sink. U: upsert sinks. A: append sinks. The README lists them. */
export type CaseId =
  | `C0${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `C1${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | "C20"
  | "C21"
  | `U0${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `U1${0 | 1 | 2 | 3}`
  | `A0${1 | 2 | 3 | 4 | 5 | 6 | 7}`;
