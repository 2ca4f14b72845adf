// Metric math, as far as the alarms need it: arithmetic, comparisons, AND, OR, IF and FILL, for one period.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

import type { DataPoint } from "./alarm-state.ts";

/** Returns the value of a metric by its id in the expression. */
export type ReadMetric = (id: string) => DataPoint;

type Value = (read: ReadMetric) => DataPoint;

type Operator = (left: number, right: number) => number;

/** The operators, those that bind least first. */
const operators: readonly Readonly<Record<string, Operator>>[] = [
  { OR: (left, right) => Number(left !== 0 || right !== 0), "||": (left, right) => Number(left !== 0 || right !== 0) },
  { AND: (left, right) => Number(left !== 0 && right !== 0), "&&": (left, right) => Number(left !== 0 && right !== 0) },
  {
    ">=": (left, right) => Number(left >= right),
    "<=": (left, right) => Number(left <= right),
    "==": (left, right) => Number(left === right),
    "!=": (left, right) => Number(left !== right),
    ">": (left, right) => Number(left > right),
    "<": (left, right) => Number(left < right),
  },
  { "+": (left, right) => left + right, "-": (left, right) => left - right },
  { "*": (left, right) => left * right, "/": (left, right) => left / right },
];

const functions: Readonly<Record<string, (values: readonly DataPoint[]) => DataPoint>> = {
  FILL: ([value, filling]) => value ?? filling,
  IF: ([condition, yes, no]) => (condition === undefined ? undefined : condition === 0 ? no : yes),
  // The sum of several metrics leaves out those without data.
  SUM: (values) => {
    const present = values.filter((value) => value !== undefined);
    return present.length === 0 ? undefined : present.reduce((sum, value) => sum + value, 0);
  },
};

/** An operation on a missing value has no value, nor has a division by zero. */
const apply = (operator: Operator, left: DataPoint, right: DataPoint): DataPoint => {
  if (left === undefined || right === undefined) return undefined;
  const result = operator(left, right);
  return Number.isFinite(result) ? result : undefined;
};

const tokensOf = (text: string): string[] => text.match(/\d+(?:\.\d+)?|\w+|[<>=!]=|&&|\|\||\S/g) ?? [];

/**
 * Compiles an expression.
 * @throws for an expression that this parser does not know.
 */
export const expressionOf = (text: string): Value => {
  const tokens = tokensOf(text);
  const expect = (token: string): void => {
    const found = tokens.shift();
    if (found !== token) throw new Error(`${text}: found ${found}; expected ${token}`);
  };
  const call = (name: string): Value => {
    const compute = functions[name];
    if (compute === undefined) throw new Error(`${text}: the function ${name} is unknown`);
    const isList = tokens[0] === "[";
    if (isList) tokens.shift();
    const values = [binary(0)];
    while (tokens[0] === ",") {
      tokens.shift();
      values.push(binary(0));
    }
    if (isList) expect("]");
    expect(")");
    return (read) => compute(values.map((value) => value(read)));
  };
  const primary = (): Value => {
    const token = tokens.shift() ?? "";
    if (token === "(") {
      const inner = binary(0);
      expect(")");
      return inner;
    }
    if (/^\d/.test(token)) return () => Number(token);
    if (!/^\w/.test(token)) throw new Error(`${text}: found ${token}; expected a value`);
    if (tokens[0] !== "(") return (read) => read(token);
    tokens.shift();
    return call(token);
  };
  const binary = (level: number): Value => {
    const known = operators[level];
    if (known === undefined) return primary();
    let left = binary(level + 1);
    for (let operator = known[tokens[0] ?? ""]; operator !== undefined; operator = known[tokens[0] ?? ""]) {
      tokens.shift();
      const [before, right, found] = [left, binary(level + 1), operator];
      left = (read) => apply(found, before(read), right(read));
    }
    return left;
  };
  const value = binary(0);
  if (tokens.length > 0) throw new Error(`${text}: found ${tokens[0]}; expected the end`);
  return value;
};
