// A suspect: an item of a target that differed when it was last looked at.

import type { Image } from "@sluice/core/envelope";
import type { Finding, FindingClass } from "./classes.ts";

/** What the first look at this version of the copy showed. */
export interface Seen {
  /** Version that the target held; null if it held neither a copy nor a tombstone. */
  readonly version: string | null;
  /** Digest of the item. */
  readonly item: string;
  /** When the item was read. */
  readonly atMs: number;
  /** Hashes of the expected members that differ. If they change although the item does not, the mapper is unstable. */
  readonly expected: { readonly [member: string]: string };
  /** How the copy differed from the item as it was then. */
  readonly difference: { readonly class: FindingClass; readonly members: readonly string[] };
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

/** The results of a look at some suspects. */
export interface Settled {
  /** Suspects that need another look. */
  readonly suspects: readonly Suspect[];
  readonly findings: readonly Finding[];
  /** The error of the handler that writes repairs, if it stayed broken. The run ends with it. */
  readonly failure?: unknown;
}
