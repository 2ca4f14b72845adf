// The outcomes of deliveries. No DOM.

import type { RowOutcome } from "../api/changes.ts";

/** All outcomes, in the order in which the page shows them. */
export const outcomes: readonly RowOutcome[] = ["delivered", "superseded", "filtered", "rejected", "retried"];
