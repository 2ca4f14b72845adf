// Recognises values that `await` would wait for, where user code must return its result at once.

import { types } from "node:util";

/** Whether `await` would wait for the value: a promise of any realm or class, or another object with a method `then`. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === "object" && value !== null) || typeof value === "function") &&
  "then" in value &&
  typeof value.then === "function";

/**
 * Handles the rejection of a promise whose value is not used. Otherwise it would end the process. The `then` of another
 * thenable is not called: the `then` of a query builder would start the query.
 */
export const disregard = (value: PromiseLike<unknown>): void => {
  if (types.isPromise(value)) value.catch(() => {});
};
