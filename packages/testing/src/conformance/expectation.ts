// Assertions of the conformance kit. They need no test runner; each failure names the found and the expected value.

import { type DeliveryErrorCode, toJson, untilAborted } from "@sluice/core/sink-kit";

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : toJson(value);
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000)}… (${text.length} characters)`;
};

/** Fails the case with a message that names both values. */
export const mismatch = (subject: string, found: unknown, expected: unknown): never => {
  throw new Error(`${subject}: found ${shown(found)}; expected ${shown(expected)}`);
};

/** Asserts that a condition holds; `expected` describes the condition. */
export const expectThat = (holds: boolean, subject: string, found: unknown, expected: string): void => {
  if (!holds) mismatch(subject, found, expected);
};

/** Asserts that two values are equal as canonical JSON. */
export const expectEqual = (found: unknown, expected: unknown, subject: string): void => {
  if (canonicalText(found) !== canonicalText(expected)) mismatch(subject, found, expected);
};

const sortedMembers = (_name: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** JSON with sorted member names, so that equal values have equal texts even if a target reorders the members. */
export const canonicalText = (value: unknown): string => JSON.stringify(JSON.parse(toJson(value)), sortedMembers);

/** Waits for a promise. Rejects after `limitMs`. */
export const within = <Value>(limitMs: number, promise: Promise<Value>, subject: string): Promise<Value> =>
  untilAborted(
    promise,
    AbortSignal.timeout(limitMs),
    () => new Error(`${subject}: found nothing after ${limitMs} ms; expected an answer`),
  );

/** The code of a Sluice error, or else undefined. `instanceof` would fail if two copies of core were loaded. */
export const codeOf = (error: unknown): DeliveryErrorCode | undefined => {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isOurs = typeof code === "string" && /^(SINK|RECORD|MAPPING|DEADLINE)_[A-Z_]+$/.test(code);
  return isOurs ? (code as DeliveryErrorCode) : undefined;
};
