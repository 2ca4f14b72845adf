// Reads what a page sends, member by member. A wrong input is refused with its path, and with no value of it.

import { isRecord } from "@sluice/core/sink-kit";
import { HttpError } from "../server/http-error.ts";

const kindOf = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value === undefined) return "nothing";
  const kinds: Readonly<Record<string, string>> = { string: "a text", number: "a number", boolean: "true or false" };
  return kinds[typeof value] ?? "an object";
};

/** Creates the error for a wrong input. */
export const invalid = (path: string, found: string, expected: string): HttpError =>
  new HttpError("INPUT_INVALID", `${path}: expected ${expected}; found ${found}`);

/** Reads one value, which `path` names in errors. */
export type Reader<Value> = (value: unknown, path: string) => Value;

/** An object of a request. Looked up only by own names: `__proto__` and `constructor` are names like others. */
export type Members = Readonly<Record<string, unknown>>;

/** Reads an object with no other members than these. */
export const members = (value: unknown, path: string, names: readonly string[]): Members => {
  if (!isRecord(value)) throw invalid(path, kindOf(value), "an object");
  if (!Object.keys(value).every((name) => names.includes(name))) {
    throw invalid(path, "another member", `no members but ${names.join(", ")}`);
  }
  return value;
};

/** Reads a member. A member that is missing is read as undefined. */
export const member = <Value>(of: Members, name: string, read: Reader<Value>): Value =>
  read(Object.hasOwn(of, name) ? of[name] : undefined, name);

/** Returns a reader that also takes nothing. */
export const optional =
  <Value>(read: Reader<Value>): Reader<Value | undefined> =>
  (value, path) =>
    value === undefined ? undefined : read(value, path);

/** Returns a reader of a text of 1 to `longest` characters. */
export const text =
  (longest: number): Reader<string> =>
  (value, path) => {
    const expected = `a text of 1 to ${longest} characters`;
    if (typeof value !== "string") throw invalid(path, kindOf(value), expected);
    if (value.length === 0 || value.length > longest) throw invalid(path, `${value.length} characters`, expected);
    return value;
  };

/** Returns a reader of one of these texts. */
export const oneOf =
  <Value extends string>(...values: readonly Value[]): Reader<Value> =>
  (value, path) => {
    const known = values.find((one) => one === value);
    if (known === undefined) throw invalid(path, kindOf(value), `one of ${values.join(", ")}`);
    return known;
  };

/** Reads `true` or `false`. */
export const bool: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw invalid(path, kindOf(value), "true or false");
  return value;
};

/** Returns a reader of a number within these limits. */
export const number =
  ({ above, to }: { readonly above: number; readonly to: number }): Reader<number> =>
  (value, path) => {
    const expected = `a number above ${above} to ${to}`;
    if (typeof value !== "number" || !Number.isFinite(value)) throw invalid(path, kindOf(value), expected);
    if (value <= above || value > to) throw invalid(path, "a number outside these limits", expected);
    return value;
  };

/** Returns a reader of a list of 1 to `longest` entries. */
export const list =
  <Value>(read: Reader<Value>, longest: number): Reader<readonly Value[]> =>
  (value, path) => {
    const expected = `a list of 1 to ${longest} entries`;
    if (!Array.isArray(value)) throw invalid(path, kindOf(value), expected);
    if (value.length === 0 || value.length > longest) throw invalid(path, `${value.length} entries`, expected);
    return value.map((entry, index) => read(entry, `${path}[${index}]`));
  };

/** Reads a whole number of a query, without signs and leading zeros. */
export const wholeText =
  (from: number, to: number): Reader<number> =>
  (value, path) => {
    const expected = `a whole number from ${from} to ${to}`;
    if (typeof value !== "string" || !/^(0|[1-9]\d{0,15})$/.test(value)) throw invalid(path, kindOf(value), expected);
    const found = Number(value);
    if (found < from || found > to) throw invalid(path, "a number outside these limits", expected);
    return found;
  };
