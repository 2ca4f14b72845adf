// A redrive whose resources are open, and its messages.

import type { MessageOrder, RedriveResult } from "@sluice/redrive";
import type { Payloads } from "../aws/payloads.ts";
import type { TemporaryFile, TextPosition } from "../files/temporary-file.ts";
import type { MessageSource } from "../message-source/message-source.ts";
import type { MessageUnit } from "../message-source/receive-units.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { MessageCounts } from "./counts.ts";
import type { Invoker } from "./invoker.ts";
import type { RedriveOptions } from "./options.ts";
import type { Causes } from "./report.ts";

/** A redrive whose resources are open. */
export interface OpenRedrive {
  readonly options: RedriveOptions;
  readonly terminal: Terminal;
  readonly source: MessageSource;
  readonly invoker: Invoker;
  readonly payloads: Payloads;
  readonly file: TemporaryFile;
  readonly signal: AbortSignal;
  readonly counts: MessageCounts;
  readonly causes: Causes;
}

/** A message body in the temporary file. It becomes one message of a request. */
export interface StoredPart extends MessageOrder {
  readonly id: string;
  readonly position: TextPosition;
}

/** State of a unit. If Lambda sent a large batch, the batch is redriven in several parts. */
export interface UnitState {
  readonly parts: readonly StoredPart[];
  /** Parts that have no result yet. */
  pending: number;
  result?: RedriveResult;
}

/** One part of a unit. */
export interface UnitPart extends StoredPart {
  readonly unit: MessageUnit<UnitState>;
}
