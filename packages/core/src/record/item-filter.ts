// Filters that Lambda can apply as well as core. Such a filter names attributes and their values, so it can become a
// pattern of an event source mapping: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html

import { ConfigError } from "../errors.ts";
import type { Image } from "./change.ts";
import { isNumberValue } from "./json.ts";

/** A text or boolean that an attribute must equal, one of several texts, or the beginning of a text. */
export type AttributeCondition = string | boolean | readonly string[] | { readonly prefix: string };

/** Conditions by attribute. An item matches if it meets all of them. */
export interface ItemConditions {
  readonly [attribute: string]: AttributeCondition;
}

/** Rules of an event source mapping for one image: `{ type: { S: ["order"] } }`. */
export interface ImagePattern {
  readonly [attribute: string]:
    | { readonly S: readonly (string | { readonly prefix: string })[] }
    | { readonly BOOL: readonly boolean[] };
}

type Shape<Conditions> = {
  readonly [Attribute in keyof Conditions]: Conditions[Attribute] extends readonly (infer Text)[]
    ? Text
    : Conditions[Attribute] extends { readonly prefix: string }
      ? string
      : Conditions[Attribute];
};

/** The members of a union that can match. All of `Item` if it is no union, or TypeScript cannot tell. */
export type MatchingItem<Item, Conditions> =
  Extract<Item, Shape<Conditions>> extends never ? Item : Extract<Item, Shape<Conditions>>;

/** A filter for `when`, and for `eventFilters`. It judges items as they are in the table, before the schema. */
export interface ItemFilter<Conditions = ItemConditions> {
  <Item>(item: Item): item is MatchingItem<Item, Conditions> & Item;
  readonly pattern: ImagePattern;
}

const maxPatternCharacters = 4_096;

/** Marks the filters of `matching`. Registered, because a bundle and a stack may load two copies of this module. */
const brand = Symbol.for("sluice.itemFilter");

const expected = 'expected a text, texts, true, false, or { prefix: "…" }';

const invalid = (attribute: string, found: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `matching: the condition of ${JSON.stringify(attribute)} is ${found}; ${expected}`);

/** DynamoDB's numbers reach Lambda's filters as texts, and equal numbers may have different texts. */
const isNumber = (condition: unknown): boolean =>
  typeof condition === "number" || typeof condition === "bigint" || isNumberValue(condition);

const prefixOf = (condition: unknown): string | undefined => {
  if (typeof condition !== "object" || condition === null || Object.keys(condition).join() !== "prefix")
    return undefined;
  const { prefix } = condition as { readonly prefix?: unknown };
  return typeof prefix === "string" && prefix !== "" ? prefix : undefined;
};

const ruleOf = (attribute: string, condition: unknown): ImagePattern[string] => {
  // In a pattern, `$or` is an operator, and a name with a dot may be read as a path.
  if (/^\$|\./.test(attribute)) {
    throw new ConfigError(
      "CONFIG_INVALID",
      `matching: the attribute ${JSON.stringify(attribute)} has a dot or begins with $; expected another attribute, or a function in when()`,
    );
  }
  if (typeof condition === "string") return { S: [condition] };
  if (typeof condition === "boolean") return { BOOL: [condition] };
  const prefix = prefixOf(condition);
  if (prefix !== undefined) return { S: [{ prefix }] };
  if (isNumber(condition)) throw invalid(attribute, "a number, which Lambda compares as a text");
  if (!Array.isArray(condition))
    throw invalid(attribute, condition === null ? "null" : `a malformed ${typeof condition}`);
  if (condition.length === 0) throw invalid(attribute, "an empty list");
  if (condition.every((text) => typeof text === "string")) return { S: condition };
  throw invalid(
    attribute,
    condition.some(isNumber) ? "a list with a number, which Lambda compares as a text" : "a list of other values",
  );
};

const textTest = (rules: readonly (string | { readonly prefix: string })[]): ((value: unknown) => boolean) => {
  const texts = new Set(rules);
  const [first] = rules;
  if (typeof first !== "object") return (value) => texts.has(value as string);
  return (value) => typeof value === "string" && value.startsWith(first.prefix);
};

/** The test of a decoded value. */
const valueTest = (rule: ImagePattern[string]): ((value: unknown) => boolean) =>
  "S" in rule ? textTest(rule.S) : (value) => value === rule.BOOL[0];

const ownMember = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

/** Creates the test of a stream record's image, as Lambda makes it. */
export const imageTest = (pattern: ImagePattern): ((image: Image) => boolean) => {
  const tests = Object.entries(pattern).map(([attribute, rule]) => {
    const test = valueTest(rule);
    const type = "S" in rule ? "S" : "BOOL";
    return (image: Image): boolean => test(ownMember(ownMember(image, attribute), type));
  });
  return (image) => tests.every((test) => test(image));
};

/**
 * Creates a filter from conditions on attributes: `.when(matching({ type: "order" }))`. `pipeline.eventFilters()` makes
 * filters of the event source mapping from such filters, so that Lambda does not invoke the function for other items.
 * @throws {ConfigError} CONFIG_INVALID, with the attribute's name, when a condition is wrong. Numbers are refused.
 */
export const matching = <const Conditions extends ItemConditions>(conditions: Conditions): ItemFilter<Conditions> => {
  const entries = Object.entries(conditions as ItemConditions);
  if (entries.length === 0)
    throw new ConfigError("CONFIG_INVALID", "matching: there is no condition; expected one or more");
  const pattern = Object.fromEntries(
    entries.map(([attribute, condition]) => [attribute, ruleOf(attribute, condition)]),
  );
  const tests = Object.entries(pattern).map(([attribute, rule]) => ({ attribute, test: valueTest(rule) }));
  const filter = (item: unknown): boolean => tests.every(({ attribute, test }) => test(ownMember(item, attribute)));
  return Object.assign(filter, { pattern, [brand]: true }) as unknown as ItemFilter<Conditions>;
};

/** Whether a predicate was created by `matching`. A function of the user's may have a member `pattern`, too. */
export const isItemFilter = (predicate: unknown): predicate is ItemFilter =>
  typeof predicate === "function" && Object.hasOwn(predicate, brand);

/** A pattern of a filter of Lambda, as an object. `JSON.stringify` of it is the filter's `Pattern`. */
export type EventFilter = Readonly<Record<string, unknown>>;

/**
 * Returns the filters of an event source mapping for these filters: those of all routes of the pipeline. They pass each record whose new or old image
 * matches, and each removal: a removed item may have a copy that an earlier filter accepted. The stream must have the view type
 * `NEW_AND_OLD_IMAGES`.
 * @throws {ConfigError} CONFIG_INVALID without a filter, for a filter that is not of `matching`, or for a pattern that is too long.
 * @example
 * new SluicePipeline(this, "Orders", { mapping: { filters: eventFilters(isOrder, isCustomer) }, … });
 */
export const eventFilters = (...filters: readonly ItemFilter<never>[]): readonly EventFilter[] => {
  if (filters.length === 0 || !filters.every(isItemFilter)) {
    const found = filters.length === 0 ? "there is no filter" : "a filter was not created by matching()";
    throw new ConfigError("CONFIG_INVALID", `eventFilters: ${found}; expected the filter of each route`);
  }
  const patterns = new Map(filters.map(({ pattern }) => [JSON.stringify(pattern), pattern]));
  const images = [...patterns.values()];
  // Five filters are Lambda's default quota.
  const either = images.flatMap((image) => [{ dynamodb: { NewImage: image } }, { dynamodb: { OldImage: image } }]);
  const forImages: readonly EventFilter[] = either.length > 4 ? [{ $or: either }] : either;
  const longest = Math.max(...forImages.map((filter) => JSON.stringify(filter).length));
  if (longest > maxPatternCharacters) {
    throw new ConfigError(
      "CONFIG_INVALID",
      `eventFilters: a pattern has ${longest} characters; expected at most ${maxPatternCharacters}, Lambda's limit`,
    );
  }
  return [...forImages, { eventName: ["REMOVE"] }];
};
