// Filter criteria: event patterns that select the records for the function.
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html, read 2026-11

import { ConfigError, isRecord } from "@sluice/core/sink-kit";

/** Lambda's `FilterCriteria`. A record passes when at least one pattern matches. A pattern is a JSON object as text. */
export interface FilterCriteria {
  readonly filters: readonly { readonly pattern: string }[];
}

type Test = (value: unknown) => boolean;

const maxFilters = 10;
const maxPatternCharacters = 4096;

const invalid = (reason: string): ConfigError => new ConfigError("CONFIG_INVALID", `filterCriteria: ${reason}`);

const isLeaf = (value: unknown): boolean => value !== undefined && (typeof value !== "object" || value === null);

const comparisons: { readonly [operator: string]: (value: number, bound: number) => boolean } = {
  "=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};

/** Matches JSON numbers only. A DynamoDB `N` is text, so an `N` never matches. AWS behaves in the same way. */
const numericTest = (operand: unknown): Test => {
  if (!Array.isArray(operand) || operand.length === 0 || operand.length % 2 !== 0) {
    throw invalid('"numeric" takes pairs of a comparison and a number');
  }
  const checks: ((value: number) => boolean)[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const compare = comparisons[String(operand[index])];
    const bound: unknown = operand[index + 1];
    if (!compare || typeof bound !== "number") throw invalid('"numeric" takes pairs of a comparison and a number');
    checks.push((value) => compare(value, bound));
  }
  return (value) => typeof value === "number" && checks.every((check) => check(value));
};

const textRule =
  (operator: string, matches: (value: string, text: string) => boolean) =>
  (operand: unknown): Test => {
    if (typeof operand !== "string") throw invalid(`"${operator}" takes a string`);
    return (value) => typeof value === "string" && matches(value, operand);
  };

const operators: { readonly [operator: string]: (operand: unknown) => Test } = {
  prefix: textRule("prefix", (value, text) => value.startsWith(text)),
  suffix: textRule("suffix", (value, text) => value.endsWith(text)),
  "equals-ignore-case": textRule("equals-ignore-case", (value, text) => value.toLowerCase() === text.toLowerCase()),
  "anything-but": (operand) => {
    const tests = (Array.isArray(operand) ? operand : [operand]).map(leafTest);
    return (value) => isLeaf(value) && !tests.some((test) => test(value));
  },
  exists: (operand) => {
    if (typeof operand !== "boolean") throw invalid('"exists" takes true or false');
    return operand ? isLeaf : (value) => value === undefined;
  },
  numeric: numericTest,
};

const leafTest = (rule: unknown): Test => {
  if (!isRecord(rule)) return (value) => value === rule;
  const [[operator, operand] = ["", null], ...more] = Object.entries(rule);
  const make = operators[operator];
  if (!make || more.length > 0) throw invalid(`"${operator}" is an unknown operator, or one of several in its rule`);
  return make(operand);
};

/** A list in the event matches when at least one of its elements matches. */
const spread = (test: Test): Test => {
  const each: Test = (value) => (Array.isArray(value) && value.length > 0 ? value.some(each) : test(value));
  return each;
};

const memberTest = (name: string, rule: unknown): Test => {
  const test = ruleTest(name, rule);
  return (value) => test(isRecord(value) ? value[name] : undefined);
};

const ruleTest = (name: string, rule: unknown): Test => {
  if (isRecord(rule)) return spread(patternTest(rule));
  if (!Array.isArray(rule) || rule.length === 0) throw invalid(`"${name}" must be a list of rules or an object`);
  const tests = rule.map(leafTest);
  return spread((value) => tests.some((test) => test(value)));
};

const anyOf = (patterns: unknown): Test => {
  if (!Array.isArray(patterns) || patterns.length === 0 || !patterns.every(isRecord)) {
    throw invalid('"$or" takes a list of patterns');
  }
  const tests = patterns.map(patternTest);
  return (value) => tests.some((test) => test(value));
};

const patternTest = (pattern: Readonly<Record<string, unknown>>): Test => {
  const tests = Object.entries(pattern).map(([name, rule]) => (name === "$or" ? anyOf(rule) : memberTest(name, rule)));
  return (value) => tests.every((test) => test(value));
};

const compile = (pattern: string): Test => {
  if (pattern.length > maxPatternCharacters) {
    throw invalid(`a pattern has ${pattern.length} characters; the limit is ${maxPatternCharacters}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(pattern);
  } catch (cause) {
    throw new ConfigError("CONFIG_INVALID", "filterCriteria: a pattern is not JSON", { cause });
  }
  if (!isRecord(parsed)) throw invalid("a pattern must be a JSON object");
  return patternTest(parsed);
};

/**
 * Creates the test that a record must pass to reach the function.
 * @throws {ConfigError} CONFIG_INVALID when a pattern is malformed.
 */
export const recordFilter = (criteria: FilterCriteria | undefined): ((record: unknown) => boolean) => {
  const filters = criteria?.filters ?? [];
  if (filters.length > maxFilters) throw invalid(`there are ${filters.length} filters; the limit is ${maxFilters}`);
  if (filters.length === 0) return () => true;
  const tests = filters.map(({ pattern }) => compile(pattern));
  return (record) => tests.some((test) => test(record));
};
