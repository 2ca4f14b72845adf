// Writes JSON so that equal values have equal texts. Numbers keep all their digits, so `JSON.parse` cannot read them.

import { canonicalDecimal } from "@sluice/core/sink-kit";
import { compareTexts } from "../write/compare-texts.ts";

/** Matches strings, so that their content is passed over, and numbers. */
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** A string gets the prefix `s`, and a number becomes a string with the prefix `n`, so that they stay different. */
const tagged = (text: string): string => (text.startsWith('"') ? `"s${text.slice(1)}` : `"n${canonicalDecimal(text)}"`);

const sortedText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(sortedText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${sortedText(member)}`).join(",")}}`;
};

/** Returns a text that is equal for equal JSON values. A text that is not JSON, or has too many levels, stays as it is. */
export const jsonByValue = (text: string): string => {
  try {
    return sortedText(JSON.parse(text.replace(stringOrNumber, tagged)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return text;
    throw error;
  }
};

/** Matches strings. */
const quoted = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/** Numbers that a double may not keep: of more than 15 digits, or with an exponent. */
const inexact = /[\d.]{16}|\d[eE]/;

const hasInexact = (text: string): boolean => inexact.test(text) && inexact.test(text.replace(quoted, '""'));

const refused = /[\0\p{Surrogate}]/u;

const nonAscii = /[^\0-\x7f]/;

const order = (one: string, other: string): number => one.length - other.length || compareTexts(one, other);

const byteOrder = (one: string, other: string): number => {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length - right.length || left.compare(right);
};

/** More levels are left to Postgres, which has a limit, too. */
const maxLevels = 200;

const jsonbMembers = (value: object, levels: number): string | undefined => {
  const names = Object.keys(value);
  names.sort(names.some((name) => nonAscii.test(name)) ? byteOrder : order);
  const members: string[] = [];
  for (const name of names) {
    const member = jsonbValue((value as Readonly<Record<string, unknown>>)[name], levels);
    if (member === undefined) return undefined;
    members.push(`${JSON.stringify(name)}: ${member}`);
  }
  return `{${members.join(", ")}}`;
};

const jsonbElements = (values: readonly unknown[], levels: number): string | undefined => {
  const elements: string[] = [];
  for (const value of values) {
    const element = jsonbValue(value, levels);
    if (element === undefined) return undefined;
    elements.push(element);
  }
  return `[${elements.join(", ")}]`;
};

const jsonbValue = (value: unknown, levels: number): string | undefined => {
  if (typeof value === "number") {
    const text = String(value);
    return text.includes("e") ? undefined : text;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (levels === 0) return undefined;
  return Array.isArray(value) ? jsonbElements(value, levels - 1) : jsonbMembers(value, levels - 1);
};

/**
 * Returns the text that Postgres has for JSON after it stored it as `jsonb`, by value: shorter names first, then in the order
 * of their bytes. Undefined if only Postgres can tell.
 */
export const jsonbText = (json: string): string | undefined =>
  hasInexact(json) || refused.test(json) ? undefined : jsonbValue(JSON.parse(json), maxLevels);

const withoutZeros = (text: string): string => (text.startsWith('"') ? text : text.replace(/\.?0+$/, ""));

/** Matches strings, and numbers with a fraction. */
const stringOrFraction = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+\.\d+/g;

/** Does the same for the text of a `jsonb`, in which only numbers have several spellings: 1.50 and 1.5. */
export const jsonbByValue = (text: string): string =>
  /\.\d*0(?!\d)/.test(text) ? text.replace(stringOrFraction, withoutZeros) : text;
