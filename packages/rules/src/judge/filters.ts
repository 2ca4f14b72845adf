// Checks of filters that Lambda would accept, and that would then match nothing, or lose removals.
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html

import { DeployError } from "../errors.ts";

/** A pattern of Lambda's event filtering. */
export type FilterPattern = Readonly<Record<string, unknown>>;

/** Lambda's limits: filters of a mapping without and with a raised quota, and characters of a pattern. */
const limits = { filters: 5, raised: 10, characters: 4_096 };

const images = ["Keys", "NewImage", "OldImage"];
const types = new Set(["S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL"]);

const isObject = (value: unknown): value is FilterPattern =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const member = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

/** The patterns in `$or` at this place; the object itself if it has no `$or`. */
const alternatives = (value: unknown): readonly unknown[] => {
  const or = member(value, "$or");
  return Array.isArray(or) ? or : [value];
};

const matchesRemove = (rule: unknown): boolean => {
  if (typeof rule === "string") return rule === "REMOVE";
  if (!isObject(rule)) return false;
  const { prefix, suffix, exists } = rule;
  if ("anything-but" in rule) return ![rule["anything-but"]].flat().includes("REMOVE");
  if ("equals-ignore-case" in rule) return String(rule["equals-ignore-case"]).toUpperCase() === "REMOVE";
  if (typeof prefix === "string") return "REMOVE".startsWith(prefix);
  if (typeof suffix === "string") return "REMOVE".endsWith(suffix);
  return exists === true;
};

const isAbsence = (rules: unknown): boolean =>
  Array.isArray(rules)
    ? rules.some((rule) => rule === null || member(rule, "exists") === false)
    : isObject(rules) && Object.values(rules).every(isAbsence);

const fitsRemove = (pattern: unknown): boolean => {
  const names = member(pattern, "eventName");
  if (Array.isArray(names) && !names.some(matchesRemove)) return false;
  const change = member(pattern, "dynamodb");
  const fitsImage = alternatives(change).some((part) => {
    const image = member(part, "NewImage");
    return image === undefined || isAbsence(image);
  });
  const common = member(change, "NewImage");
  return fitsImage && (common === undefined || isAbsence(common));
};

const letsRemovePass = (pattern: FilterPattern): boolean =>
  fitsRemove(pattern) && alternatives(pattern).some((part) => fitsRemove(part));

const isNumberRule = (rule: unknown): boolean =>
  typeof rule === "number" ||
  (isObject(rule) && ("numeric" in rule || [rule["anything-but"]].flat().some((value) => typeof value === "number")));

const untyped = (path: string): DeployError =>
  new DeployError(
    "FILTER_UNTYPED",
    `the filter ${path} has no type, expected a type of DynamoDB such as { "S": […] }: Lambda sees items as typed JSON, so ` +
      `the filter would match nothing. Write ${path}.S, ${path}.N and so on.`,
  );

const checkValue = (value: unknown, path: string): void => {
  if (Array.isArray(value)) {
    if (value.some(isNumberRule)) {
      throw new DeployError(
        "FILTER_NUMBER",
        `the filter ${path} compares a number, expected a text: numbers of an item are texts in a stream record, so ` +
          'the filter would match nothing. Write ["5"] for 5; Lambda cannot compare ranges of attributes.',
      );
    }
    return;
  }
  if (!isObject(value)) return;
  for (const [type, rules] of Object.entries(value)) {
    if (type === "M") checkAttributes(rules, `${path}.M`);
    else checkValue(rules, `${path}.${type}`);
  }
};

const checkAttributes = (attributes: unknown, path: string): void => {
  if (!isObject(attributes)) return;
  for (const [name, value] of Object.entries(attributes)) {
    const at = `${path}.${name}`;
    if (name === "$or") for (const part of [value].flat()) checkAttributes(part, at);
    else if (isObject(value) && Object.keys(value).every((type) => types.has(type))) checkValue(value, at);
    else throw untyped(at);
  }
};

const shapeless = (path: string, value: unknown): DeployError =>
  new DeployError(
    "FILTER_SHAPE",
    `the filter ${path === "" ? "itself" : path} is ${value === null ? "null" : Array.isArray(value) ? "an empty list" : typeof value}, expected a ` +
      'list of values, or an object: Lambda refuses the mapping. Write { eventName: ["REMOVE"] }, as an object, not as a text and ' +
      "not as the result of FilterCriteria.filter.",
  );

/** In a pattern, each object ends in lists of values. */
const checkShape = (value: unknown, path = ""): void => {
  if (Array.isArray(value)) {
    if (value.length === 0) throw shapeless(path, value);
    if (path.endsWith("$or")) for (const part of value) checkShape(part, `${path}[]`);
    return;
  }
  if (!isObject(value)) throw shapeless(path, value);
  for (const [name, part] of Object.entries(value)) checkShape(part, path === "" ? name : `${path}.${name}`);
};

const checkPattern = (pattern: FilterPattern): void => {
  checkShape(pattern);
  const { length } = JSON.stringify(pattern);
  if (length > limits.characters) {
    throw new DeployError(
      "FILTER_TOO_LONG",
      `a filter has ${length} characters, expected at most ${limits.characters}: Lambda refuses it. Split it into several filters.`,
    );
  }
  for (const part of alternatives(pattern)) {
    for (const change of alternatives(member(part, "dynamodb"))) {
      for (const image of images) checkAttributes(member(change, image), `dynamodb.${image}`);
    }
  }
};

/** How filters of a mapping are checked. */
export interface FilterCheck {
  readonly dropsRemovals: boolean;
  readonly warn: (id: string, message: string) => void;
}

/** Throws if Lambda refuses the filters, or if they would match nothing or lose removals. */
export const checkFilters = (filters: readonly FilterPattern[], { dropsRemovals, warn }: FilterCheck): void => {
  if (filters.length > limits.raised) {
    throw new DeployError(
      "FILTERS_TOO_MANY",
      `the mapping has ${filters.length} filters, expected at most ${limits.filters}, or ${limits.raised} with a raised quota: ` +
        "Lambda refuses the mapping. Join filters, or filter in the pipeline with .when().",
    );
  }
  if (filters.length > limits.filters) {
    warn(
      "filters-quota",
      `The mapping has ${filters.length} filters. More than ${limits.filters} need a raised quota of the account.`,
    );
  }
  for (const pattern of filters) checkPattern(pattern);
  if (filters.length > 0 && !dropsRemovals && !filters.some(letsRemovePass)) {
    throw new DeployError(
      "FILTER_DROPS_REMOVALS",
      "no filter lets a REMOVE pass, expected at least one that does: copies of removed items would stay in the targets. " +
        'Add a filter such as { eventName: ["REMOVE"] }; if no route needs removals, set filtersDropRemovals to true.',
    );
  }
};
