// Assertions of the conformance kit: they need no test runner, and say what was found and what was expected.

import { type DeliveryErrorCode, toJson } from "@sluice/core/sink-kit";

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : toJson(value);
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000)}… (${text.length} characters)`;
};

/** Fails the case. */
export const mismatch = (what: string, found: unknown, expected: unknown): never => {
  throw new Error(`${what}: found ${shown(found)}; expected ${shown(expected)}`);
};

/** Asserts that a condition holds; `expected` says it in words. */
export const expectThat = (holds: boolean, what: string, found: unknown, expected: string): void => {
  if (!holds) mismatch(what, found, expected);
};

/** Asserts that two values are equal as canonical JSON. */
export const expectEqual = (found: unknown, expected: unknown, what: string): void => {
  if (canonicalText(found) !== canonicalText(expected)) mismatch(what, found, expected);
};

const sortedMembers = (_name: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
};

/** JSON with sorted member names: equal for equal values, whatever order a target returned their members in. */
export const canonicalText = (value: unknown): string => JSON.stringify(JSON.parse(toJson(value)), sortedMembers);

/** Waits for a promise, for `limitMs` at most. */
export const within = async <Value>(limitMs: number, promise: Promise<Value>, what: string): Promise<Value> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: found nothing after ${limitMs} ms; expected an answer`)),
      limitMs,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** The code of an error of Sluice; undefined for any other. By code, not by class: two copies of core may be loaded. */
export const codeOf = (error: unknown): DeliveryErrorCode | undefined => {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isOurs = typeof code === "string" && /^(SINK|RECORD|MAPPING|DEADLINE)_[A-Z_]+$/.test(code);
  return isOurs ? (code as DeliveryErrorCode) : undefined;
};
