// The interface of a target of the convergence suite. To test a new sink, add a test file with an `open` function.

import type { Image, Mapper, Sink } from "@sluice/core/sink-kit";
import type { SpecimenItem } from "@sluice/testing";

/** A variant of the sink, with the mapper of its route. A sink with its own mapper needs no route's mapper. */
export interface Variant<Message> {
  readonly sink: Sink<Message, "upsert">;
  readonly map?: Mapper<SpecimenItem, Message, "upsert">;
}

/**
 * The copy of an item in the target: the text of each column, field or attribute, or null if the target holds no value.
 */
export type Copy = Readonly<Record<string, string | null>>;

/** A target, which is empty when it is opened. All variants write the same copies. */
export interface Target<Message> {
  readonly variants: readonly [Variant<Message>, ...Variant<Message>[]];
  /** The copies that a user of the target sees, by `pk`, without tombstones. */
  readonly readAll: () => Promise<ReadonlyMap<string, Copy>>;
  /** The expected copy of an item, in the form of `readAll`. Shares no code with the sink. */
  readonly copyOf: (image: Image) => Copy;
  readonly close: () => Promise<void>;
}
