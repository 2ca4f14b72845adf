// Checks of filter patterns. A wrong pattern loses records without a word: Lambda counts a filtered record as done.

import { DeployError } from "../errors.ts";

/** A pattern of an event source mapping's filter, as an object: `{ eventName: ["REMOVE"] }`. */
export type FilterPattern = Readonly<Record<string, unknown>>;

/**
 * Limits of Lambda.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html (read 2026-11-25)
 */
const limits = { filters: 10, characters: 4_096 };

const members = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** Whether a removal of some item passes. It has no new image, so a pattern on the new image alone refuses it. */
const mayPassRemoval = (pattern: FilterPattern): boolean => {
  const { eventName } = pattern;
  if (Array.isArray(eventName) && !eventName.some((name) => name === "REMOVE" || typeof name === "object"))
    return false;
  const image = members(pattern.dynamodb).NewImage;
  return image === undefined || Object.keys(members(image)).length === 0;
};

/** Paths of numbers that the pattern compares as texts: `{ N: ["5"] }` does not match 5.0, which DynamoDB may store. */
const numberPaths = (value: unknown, path: readonly string[] = []): readonly string[] =>
  Object.entries(members(value)).flatMap(([name, member]) =>
    name === "N" && Array.isArray(member) ? [path.join(".")] : numberPaths(member, [...path, name]),
  );

/** Returns the patterns as Lambda expects them. @throws {DeployError} when a filter would lose records. */
export const checkedFilters = (filters: readonly FilterPattern[]): readonly { readonly pattern: string }[] => {
  if (filters.length > limits.filters) {
    throw new DeployError(
      "FILTERS_TOO_MANY",
      `there are ${filters.length} filters; expected at most 5, or ${limits.filters} after a raise of the quota. Merge them, or filter in the pipeline`,
    );
  }
  const patterns = filters.map((filter) => ({ filter, pattern: JSON.stringify(filter) }));
  for (const { filter, pattern } of patterns) {
    if (pattern.length > limits.characters) {
      throw new DeployError(
        "FILTER_TOO_LONG",
        `a filter has ${pattern.length} characters; expected at most ${limits.characters}. Filter in the pipeline instead`,
      );
    }
    const [number] = numberPaths(filter);
    if (number !== undefined) {
      throw new DeployError(
        "FILTER_COMPARES_NUMBER",
        `a filter compares the number at ${number} as a text; expected {"numeric": …} or no filter of numbers, because 5 and 5.0 are different texts`,
      );
    }
  }
  if (filters.length > 0 && !filters.some(mayPassRemoval)) {
    throw new DeployError(
      "FILTER_HIDES_REMOVALS",
      'no filter lets a removal pass, so that removed items keep their copies; expected one more filter: { eventName: ["REMOVE"] }',
    );
  }
  return patterns.map(({ pattern }) => ({ pattern }));
};
