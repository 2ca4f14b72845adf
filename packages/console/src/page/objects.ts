// What kind of value something is. No DOM: core's own check would bring all of core into the page.

/** Whether a value is an object, and not a list. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
