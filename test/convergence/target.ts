// The interface of a target of the convergence suite. To test another sink, write a test file with an `open` function.

import type { Image, Mapper, Sink } from "@sluice/core/sink-kit";
import type { SpecimenItem } from "@sluice/testing";

/** A variant of the sink. `map` is the mapper of the route. `map` is missing if the sink has its own mapper. */
export interface Variant<Message> {
  readonly sink: Sink<Message, "upsert">;
  readonly map?: Mapper<SpecimenItem, Message, "upsert">;
}

/**
 * The copy of an item in the target: the text of each column, field or attribute, or null if the target has no value.
 */
export type Copy = Readonly<Record<string, string | null>>;

/** A target that the tests open empty. All variants of its sink must write the same copies. */
export interface Target<Message> {
  readonly variants: readonly [Variant<Message>, ...Variant<Message>[]];
  /** Returns the copies that a user of the target can see, by `pk`. Tombstones are left out. */
  readonly readAll: () => Promise<ReadonlyMap<string, Copy>>;
  /** Returns the expected copy of an item, in the same form as `readAll`. Shares no code with the sink. */
  readonly copyOf: (image: Image) => Copy;
  /** Returns the item with further attributes, which depend on the item only. Undefined: the histories stay as they are. */
  readonly extend?: (image: Image) => Image;
  /** Whether the sink needs the items' old images, because the place of a copy can change. */
  readonly needsOldImages?: boolean;
  /** Deletes the tombstones that no late change needs any more. Undefined: the target does so by itself. */
  readonly purge?: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}
