// A record that did not arrive, and the errors that end a run.

import type { Image } from "@sluice/core/envelope";

/** A record that did not arrive. It contains the item's key, and no other value of the item. */
export interface RecordFailure {
  readonly keys: Image;
  /** `rejected`: a repeat fails, too. `retried`: every attempt failed, and a later one may succeed. */
  readonly kind: "rejected" | "retried";
  /** The route that failed. Undefined if the record failed before a route got it, or if the function failed. */
  readonly route?: string;
  readonly code: string;
  readonly message: string;
}

/** `Invoke` throws this error if the function cannot be called at all. The run ends. */
export class FunctionUnreachableError extends Error {
  override name = "FunctionUnreachableError";
}

/** Many requests in a row failed as a whole, or the function's answers are not those of a pipeline. The run ends. */
export class FunctionBrokenError extends Error {
  override name = "FunctionBrokenError";
}
