// Types for a redrive that is running, and for its messages.

import type { Envelope } from "@sluice/core/envelope";
import type { MessageSource } from "@sluice/inspect/queue";
import type { MessageOrder, RedriveResult } from "@sluice/redrive";
import type { Payloads } from "../aws/payloads.ts";
import type { TemporaryFile, TextPosition } from "../files/temporary-file.ts";
import type { MessageUnit } from "../message-source/receive-units.ts";
import type { Notes } from "../terminal/terminal.ts";
import type { MessageCounts } from "./counts.ts";
import type { Invoker } from "./invoker.ts";
import type { RedriveOptions } from "./options.ts";
import type { Causes } from "./report.ts";

/** The options of a redrive that do not depend on where its handler runs. */
export type RunOptions = Omit<RedriveOptions, "handler">;

/** Result of one message, or of several with the same dead letter. */
export interface FinishedUnit {
  /** Undefined for a failed batch of Lambda. */
  readonly deadLetterId: string | undefined;
  readonly route: string | undefined;
  readonly result: RedriveResult;
  /** Whether the source still has the message. */
  readonly stays: boolean;
}

/** The options, open resources and counts of a running redrive. */
export interface OpenRedrive {
  readonly options: RunOptions;
  readonly terminal: Notes;
  readonly source: MessageSource;
  readonly invoker: Invoker;
  readonly payloads: Payloads;
  readonly file: TemporaryFile;
  readonly signal: AbortSignal;
  readonly counts: MessageCounts;
  readonly causes: Causes;
  /** Changes each dead letter that is sent. The message in the source stays as it is. */
  readonly edit?: ((envelope: Envelope) => Envelope) | undefined;
  /** Called once for each message that was selected. */
  readonly onFinished: (unit: FinishedUnit) => void;
}

/** A body that is stored in the temporary file, and that will be sent as one message of a request. */
export interface StoredPart extends MessageOrder {
  readonly id: string;
  readonly deadLetterId?: string;
  readonly position: TextPosition;
}

/** State of a unit. Usually a unit has one part, but a large failed batch is sent in several parts. */
export interface UnitState {
  readonly parts: readonly StoredPart[];
  /** Number of parts that have no result yet. */
  pending: number;
  result?: RedriveResult;
}

/** One part of a unit. */
export interface UnitPart extends StoredPart {
  readonly unit: MessageUnit<UnitState>;
}
