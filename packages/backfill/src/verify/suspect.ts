// A suspect: an item of a target that differed when it was last looked at.

import type { Image } from "@sluice/core/envelope";
import type { Finding, FindingClass } from "./classes.ts";

/** What the looks before showed, if item and target stayed the same since. */
export interface Seen {
  /** Version that the target held; null if it held neither a copy nor a tombstone. */
  readonly version: string | null;
  /** Digest of the item. */
  readonly item: string;
  /** When the item was first read in this state. */
  readonly atMs: number;
  /** Hashes of the expected members that differ. If they change although the item does not, the mapper is unstable. */
  readonly expected: { readonly [member: string]: string };
}

/** A repair that was sent and waits for its proof. */
export interface SentRepair {
  readonly class: FindingClass;
  readonly members: readonly string[];
  /** The version that the repair gave the copy. */
  readonly version: string;
  /** Digest of the item with which the copy was repaired. */
  readonly item: string;
  /** The version that the target held before. */
  readonly held: string | null;
}

/** An item of a target that differed when it was last looked at. It is plain JSON. */
export interface Suspect {
  readonly target: string;
  readonly keys: Image;
  /** Time of the next look, in milliseconds since 1970. */
  readonly dueAt: number;
  /** Looks so far. */
  readonly looks: number;
  readonly seen?: Seen;
  readonly repair?: SentRepair;
}

/** What became of the suspects of a batch. */
export interface Settled {
  /** Suspects that need another look. */
  readonly suspects: readonly Suspect[];
  readonly findings: readonly Finding[];
}
