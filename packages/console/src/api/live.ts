// What `GET /api/live` sends, one line of JSON each.

import type { ChangeRow } from "./changes.ts";
import type { Overview } from "./overview.ts";
import type { RunView } from "./runs.ts";

/** A line of the live answer. */
export type LiveLine =
  | { readonly type: "overview"; readonly overview: Overview }
  /** New rows that match the filter, oldest first. `skipped` more were too many to send; `GET /api/changes` has them. */
  | { readonly type: "changes"; readonly rows: readonly ChangeRow[]; readonly skipped: number }
  | { readonly type: "run"; readonly run: RunView }
  /** The pipeline was loaded again: ask `GET /api/about`. */
  | { readonly type: "about" }
  | { readonly type: "alive" };
