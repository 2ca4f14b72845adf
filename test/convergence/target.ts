// What an upsert sink gives the convergence suite. A new sink is one test file with an `open`.

import type { Image, Mapper, Sink } from "@sluice/core/sink-kit";
import type { SpecimenItem } from "@sluice/testing";

/** One way into the target: a sink, and its mapper unless it brings its own mapping. */
export interface Way<Message> {
  readonly sink: Sink<Message, "upsert">;
  readonly map?: Mapper<SpecimenItem, Message, "upsert">;
}

/** A copy as the target shows it: column, field or attribute to text; null where it holds nothing. */
export type Copy = Readonly<Record<string, string | null>>;

/** An empty target, opened for one run of the suite. All ways lead to the same copies. */
export interface Target<Message> {
  readonly ways: readonly [Way<Message>, ...Way<Message>[]];
  /** What a user of the target sees, by `pk`; no tombstones. */
  readonly readAll: () => Promise<ReadonlyMap<string, Copy>>;
  /** The copy of an item that the target should show, in the form of `readAll`. Made without any code of the sink. */
  readonly copyOf: (image: Image) => Copy;
  readonly close: () => Promise<void>;
}
