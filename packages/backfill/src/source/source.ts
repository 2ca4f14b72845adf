// A source of a run: the table itself, or an export of it.

import type { StreamRecord } from "@sluice/core/envelope";

/** A part of a source that one worker reads alone. It is plain JSON, so that a state machine can pass it on. */
export type Unit =
  | { readonly kind: "segment"; readonly segment: number; readonly segments: number }
  | { readonly kind: "file"; readonly key: string; readonly md5: string; readonly items: number };

/** Returns a text that identifies a unit in its run: `segment 3/16`, or the key of the file. */
export const unitName = (unit: Unit): string =>
  unit.kind === "segment" ? `segment ${unit.segment}/${unit.segments}` : unit.key;

/** Some records of a unit. */
export interface SourcePage {
  /** At most a few thousand records, and about a megabyte. */
  readonly records: readonly StreamRecord[];
  /** Where the next page starts; undefined after the last page of the unit. A text that `pages` takes as `after`. */
  readonly cursor: string | undefined;
  /** Read capacity units that the page cost; 0 for an export. */
  readonly readUnits: number;
}

/** Something that a run copies. */
export interface ItemSource {
  /** For people and for the state of a run: `table orders`, or the address of the export's manifest. */
  readonly name: string;
  /** Returns all units, in the order in which they are to be read. Every call returns the same units. */
  readonly units: () => Promise<readonly Unit[]>;
  /**
   * Reads a unit from its start, or from the cursor of a page before. A unit that is read again from the same cursor has
   * every item that it had before, unless the item was removed or changed. After `signal` has aborted, the iteration ends
   * without the last page: a unit is done only after the page whose `cursor` is undefined.
   * @throws {SourceError} when the source cannot be read, or is not what it should be.
   */
  readonly pages: (unit: Unit, after: string | undefined, signal: AbortSignal) => AsyncIterable<SourcePage>;
}

/** The source cannot be read, or is not what it should be. The message names what was found and what was expected. */
export class SourceError extends Error {
  override name = "SourceError";
  /** Whether a repeat may succeed, because the failure is transient. */
  readonly isTransient: boolean;

  constructor(message: string, options: { readonly isTransient?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.isTransient = options.isTransient ?? false;
  }
}
