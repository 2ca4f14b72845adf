// The rig and the options that the author of a sink passes to the conformance kit.

import type { Delivery, Mapper, Sink } from "@sluice/core/sink-kit";
import type { SpecimenItem } from "../records/specimen.ts";
import type { Fault, FaultKind } from "./fault.ts";

/** A sink under test and its empty target. Every case opens a new rig. */
export interface Rig {
  /** Requests that reached the target since the rig was opened; for a database, statements. */
  readonly requests: () => number;
  /** Injects a fault, from the next request on. */
  readonly fail: (fault: Fault) => Promise<void> | void;
  /** Ends every fault. */
  readonly endFault: () => Promise<void> | void;
  /** Stops the target. The kit closes the sink first. */
  readonly close: () => Promise<void> | void;
  /** Credentials of the sink: no error message may contain one. */
  readonly secrets?: readonly string[];
}

/** The rig of an upsert sink. */
export interface UpsertRig<Message> extends Rig {
  readonly sink: Sink<Message, "upsert">;
  /** The message of a live change, made from the item alone: equal items make equal messages. */
  readonly toMessage: Mapper<SpecimenItem, Message, "upsert">;
  /**
   * The messages of the live items in the target, in any order and without tombstones. Each equals the result of
   * `toMessage` as JSON; a number that a double cannot hold may be its decimal text.
   */
  readonly read: () => Promise<readonly unknown[]>;
}

/** One message in an append target. */
export interface SentMessage<Message = unknown> {
  readonly message: Message;
  readonly idempotencyKey: string;
}

/** The rig of an append sink. */
export interface AppendRig<Message> extends Rig {
  readonly sink: Sink<Message, "append">;
  /** The message of a change of any kind. Different changes must make different messages, for example by `change.version`. */
  readonly toMessage: Mapper<SpecimenItem, Message, "append">;
  /** Every message in the target with its idempotency key, oldest first; a message that was sent twice is there twice. */
  readonly read: () => Promise<readonly SentMessage[]>;
}

/** An ability that a rig may lack: to inject a fault, to open a sink with wrong options, or to call `dryRun`. */
export type Ability = FaultKind | "bad-options" | "dryRun";

/** The limits of the target at which the sink must split a batch. */
export interface Limits {
  /** Most entries of one request: C07. */
  readonly maxEntries?: number;
  /** Most bytes of one request, and the bytes of one delivery in it: C08. */
  readonly maxBytes?: { readonly total: number; readonly sizeOf: (delivery: Delivery) => number };
}

interface Shared {
  /** Heading of the cases. Default: `a sink that writes by upsert` or `… by append`. */
  readonly name?: string;
  readonly limits?: Limits;
  /** Abilities that the rig lacks, each with the reason: the cases that need them are skipped, and the reason is printed. */
  readonly cannot?: { readonly [Name in Ability]?: string };
  /** Cases to skip, each with the reason, which is printed. */
  readonly skip?: { readonly [Id in CaseId]?: string };
  /** Factory calls with one wrong option each, by option: C20. Each must throw a `ConfigError` that names the option. */
  readonly badOptions?: { readonly [option: string]: () => unknown };
  /** Seed of the random cases. Default 1. */
  readonly seed?: number;
  /** Prints the skipped cases and their reasons. Default: to standard error. */
  readonly print?: (line: string) => void;
}

/** Options of the kit for an upsert sink. */
export interface UpsertConformance<Message> extends Shared {
  readonly writes: "upsert";
  readonly open: () => Promise<UpsertRig<Message>>;
}

/** Options of the kit for an append sink. */
export interface AppendConformance<Message> extends Shared {
  readonly writes: "append";
  readonly open: () => Promise<AppendRig<Message>>;
}

/** Options of the kit: how to open a rig, the limits of the target, and the cases to skip. */
export type Conformance<Message> = UpsertConformance<Message> | AppendConformance<Message>;

/** C: every sink. U: upsert sinks. A: append sinks. The README lists the cases. */
export type CaseId =
  | `C0${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `C1${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | "C20"
  | "C21"
  | `U0${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `U1${0 | 1 | 2 | 3}`
  | `A0${1 | 2 | 3 | 4 | 5 | 6 | 7}`;
