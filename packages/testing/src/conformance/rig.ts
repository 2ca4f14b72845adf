// The rig and the options that the author of a sink passes to the conformance kit.

import type { Delivery, Mapper, Sink } from "@sluice/core/sink-kit";
import type { SpecimenItem } from "../records/specimen.ts";
import type { Fault, FaultKind } from "./fault.ts";

/** A sink under test and its empty target. Every case opens a new rig. */
export interface Rig {
  /** Number of requests (for a database: of statements) that reached the target since the rig was opened. */
  readonly requests: () => number;
  /** Injects a fault, from the next request on. */
  readonly fail: (fault: Fault) => Promise<void> | void;
  /** Ends every fault. */
  readonly endFault: () => Promise<void> | void;
  /** Stops the target. The kit closes the sink first. */
  readonly close: () => Promise<void> | void;
  /** Credentials of the sink. Error messages must not contain them. */
  readonly secrets?: readonly string[];
  /** For C22 to C24: names of members that a message may have, besides those of the messages that `toMessage` returns. */
  readonly members?: readonly string[];
}

/** The rig of an upsert sink. */
export interface UpsertRig<Message> extends Rig {
  readonly sink: Sink<Message, "upsert">;
  /** The message of a live change. It must depend on the item only, so that equal items have equal messages. */
  readonly toMessage: Mapper<SpecimenItem, Message, "upsert">;
  /**
   * Reads the messages of the live items in the target, in any order and without tombstones. As JSON, each message must
   * equal the result of `toMessage`, except that a number too long for a double may be a decimal text.
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
  /** The message of any change. Different changes need different messages, so include for example `change.version`. */
  readonly toMessage: Mapper<SpecimenItem, Message, "append">;
  /** Reads every message in the target with its idempotency key, oldest first. A message sent twice appears twice. */
  readonly read: () => Promise<readonly SentMessage[]>;
}

/** An ability that a rig may lack: to inject a fault, to open a sink with wrong options, or to call an optional method. */
export type Ability = FaultKind | "bad-options" | "dryRun" | "read" | "keys";

/** The limits of the target. The sink must split a batch that exceeds a limit. */
export interface Limits {
  /** For C07: the maximum number of entries in one request. */
  readonly maxEntries?: number;
  /** For C08: the maximum bytes of one request, and a function that returns the bytes of one delivery in a request. */
  readonly maxBytes?: { readonly total: number; readonly sizeOf: (delivery: Delivery) => number };
}

interface Shared {
  /** Heading of the cases. Default: `a sink that writes by upsert` or `… by append`. */
  readonly name?: string;
  readonly limits?: Limits;
  /** Abilities that the rig lacks, each with a reason. The kit skips cases that need them, and prints the reason. */
  readonly cannot?: { readonly [Name in Ability]?: string };
  /** Cases to skip, each with a reason, which the kit prints. */
  readonly skip?: { readonly [Id in CaseId]?: string };
  /** For C20: for each option, a call with a wrong value. The call must throw a `ConfigError` that names the option. */
  readonly badOptions?: { readonly [option: string]: () => unknown };
  /** Seed of the random cases. Default 1. */
  readonly seed?: number;
  /** Prints a skipped case and the reason. By default it prints to standard error. */
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

/** Id of a case. `C` cases are for every sink, `U` for upsert sinks, `A` for append sinks. The README lists them. */
export type CaseId =
  | `C0${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `C1${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | "C20"
  | "C21"
  | "C22"
  | "C23"
  | "C24"
  | `U0${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `U1${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `U2${0 | 1 | 2}`
  | `A0${1 | 2 | 3 | 4 | 5 | 6 | 7}`;
