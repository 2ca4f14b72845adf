// What a write and a read need to know about a child table.

import type { ChildSettings } from "../schema/children.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** A child table with its columns, as the catalogue describes them. */
export interface ChildPlan {
  readonly settings: ChildSettings;
  /**
   * The key columns: those with the key of the sink's row, in the order of the plan's keys, then those of the parents'
   * elements, then those of the element.
   */
  readonly keys: readonly WrittenColumn[];
  /** The columns that are not part of the key. */
  readonly columns: readonly WrittenColumn[];
  /** Number of the first key columns that refer to the parent table's key. */
  readonly parentKeys: number;
  /** The parent's index among the plan's children. Undefined if the parent is the table of the sink. */
  readonly parent: number | undefined;
}
