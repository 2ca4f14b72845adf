// Writes JSON so that equal values have equal texts. Numbers keep all their digits, so `JSON.parse` cannot read them.

import { canonicalDecimal } from "@sluice/core/sink-kit";

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

const withoutZeros = (text: string): string => (text.startsWith('"') ? text : text.replace(/\.?0+$/, ""));

/** Matches strings, and numbers with a fraction. */
const stringOrFraction = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+\.\d+/g;

/** Does the same for the text of a `jsonb`, in which only numbers have several spellings: 1.50 and 1.5. */
export const jsonbByValue = (text: string): string =>
  /\.\d*0(?!\d)/.test(text) ? text.replace(stringOrFraction, withoutZeros) : text;
