// Creates DynamoDB conditions that check whether an item has changed since a record was written.

import { isDeepStrictEqual } from "node:util";
import { type Image, type SdkValue, type StreamRecord, sdkValue } from "@sluice/core/sink-kit";

/** An expression for a condition or an update, and the attribute names and values that the expression uses. */
export interface ItemExpression {
  readonly expression: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, SdkValue>>;
}

/**
 * Maximum number of compared attributes. DynamoDB limits a condition to 300 operators and 4 KB.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (read 2026-11-25)
 */
const maxClauses = 100;

const all = (clauses: readonly string[]): string => clauses.join(" AND ");

const namesOf = (prefix: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, index) => [`#${prefix}${index}`, name]));

const valuesOf = (prefix: string, values: Image[string][]): Record<string, SdkValue> =>
  Object.fromEntries(values.map((value, index) => [`:${prefix}${index}`, sdkValue(value)]));

/** Creates the condition that the item has none of these attributes. */
export const lacks = (names: readonly string[]): ItemExpression => {
  const some = names.slice(0, maxClauses);
  const expression = all(some.map((_, index) => `attribute_not_exists(#n${index})`));
  return { expression, names: namesOf("n", some), values: {} };
};

/** Creates the condition that the item has these attributes with these values. */
const holds = (image: Image): ItemExpression => {
  const held = Object.fromEntries(Object.entries(image).slice(0, maxClauses));
  const [names, values] = [Object.keys(held), Object.values(held)];
  const expression = all(names.map((_, index) => `#h${index} = :h${index}`));
  return { expression, names: namesOf("h", names), values: valuesOf("h", values) };
};

/** Creates the condition that all of the given conditions are true. */
export const both = (...conditions: readonly ItemExpression[]): ItemExpression => ({
  expression: all(conditions.map(({ expression }) => expression).filter((expression) => expression !== "")),
  names: Object.assign({}, ...conditions.map(({ names }) => names)),
  values: Object.assign({}, ...conditions.map(({ values }) => values)),
});

const without = (image: Image, name: string): Image => {
  const { [name]: _, ...rest } = image;
  return rest;
};

/** Whether the new image is small enough for `isUnchanged` to compare all of its attributes. */
export const isComparable = ({ dynamodb: { NewImage = {} } = {} }: StreamRecord): boolean =>
  Object.keys(NewImage).length <= maxClauses;

/**
 * Creates the condition that the item has all attributes of the new image, and none that the change removed. Ignores
 * the marker, which an earlier run may have set. Without a new image, the condition only requires that the item exists.
 */
export const isUnchanged = ({ dynamodb = {} }: StreamRecord, marker: string): ItemExpression => {
  const { Keys = {}, NewImage = Keys, OldImage = {} } = dynamodb;
  const held = holds(without(NewImage, marker));
  if (dynamodb.NewImage === undefined) return held;
  const taken = Object.keys(without(OldImage, marker)).filter((name) => !Object.hasOwn(NewImage, name));
  return both(held, lacks(taken.slice(0, maxClauses - Object.keys(held.names).length)));
};

/** Creates the update that sets the marker, and that writes the attributes in which `after` differs from `before`. */
export const updateOf = (before: Image, after: Image, [marker, value]: readonly [string, SdkValue]): ItemExpression => {
  const [old, fresh] = [without(before, marker), without(after, marker)];
  const set = Object.entries(fresh).filter(([name, held]) => !isDeepStrictEqual(held, old[name]));
  const removed = Object.keys(old).filter((name) => !Object.hasOwn(fresh, name));
  const sets = ["#marker = :marker", ...set.map((_, index) => `#s${index} = :s${index}`)];
  const removes = removed.map((_, index) => `#r${index}`);
  const names = set.map(([name]) => name);
  const values = set.map(([, held]) => held);
  return {
    expression: `SET ${sets.join(", ")}${removes.length > 0 ? ` REMOVE ${removes.join(", ")}` : ""}`,
    names: { "#marker": marker, ...namesOf("s", names), ...namesOf("r", removed) },
    values: { ":marker": value, ...valuesOf("s", values) },
  };
};
