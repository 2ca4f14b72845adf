// The document's `_id`: the key as one readable text, different for different keys. Strings stand as they are, numbers
// begin with "#", binary with "~", and "|" separates; where a string would be mistaken, "%" escapes as in URLs.

import { createHash } from "node:crypto";
import type { Change, KeyValue } from "@sluice/core/sink-kit";

/** The server refuses the whole request for a longer one. @see https://github.com/opensearch-project/OpenSearch/pull/6595 */
const maxIdBytes = 512;

/** A document's id. */
export interface DocumentId {
  readonly id: string;
  /** The key in the form of an id, where it is too long to be one and `id` is its hash. */
  readonly key?: string;
}

const escapes: Readonly<Record<string, string>> = { "%": "%25", "|": "%7C", "#": "%23", "~": "%7E" };

const escaped = (character: string): string => escapes[character] ?? character;

/** The value is the attribute's, whatever form the record gave it: "1E2" is "100", and no key has two forms. */
const plainDecimal = (text: string): string => {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  if (significant === "") return "0";
  return `${sign === "-" ? "-" : ""}${significant}${power === 0 ? "" : `e${power}`}`;
};

/** A JS number has one text; of a `NumberValue` it is the record's. */
const numberText = (value: object | number): string => {
  const text = String(value);
  return typeof value === "number" && !text.includes("e") ? text : plainDecimal(text);
};

const stringText = (value: string): string => {
  // Nothing else makes a lone "%", and an empty id is none.
  if (value === "") return "%";
  return /[%|]|^[#~]/.test(value) ? value.replace(/[%|]|^[#~]/g, escaped) : value;
};

const valueText = (value: KeyValue): string => {
  if (typeof value === "string") return stringText(value);
  if (value instanceof Uint8Array) return `~${Buffer.from(value).toString("base64url")}`;
  return `#${numberText(value)}`;
};

const textOf = (keys: Change["keys"]): string => {
  const names = Object.keys(keys);
  if (names.length === 1) return valueText(keys[names[0] as string] as KeyValue);
  // By name: a record may list them in any order.
  return names
    .sort()
    .map((name) => valueText(keys[name] as KeyValue))
    .join("|");
};

/** The id of an item's document, from its key attributes alone. Items of one table never share it. */
export const documentId = (keys: Change["keys"]): DocumentId => {
  const text = textOf(keys);
  // A UTF-16 unit takes three bytes at most.
  if (text.length * 3 <= maxIdBytes || Buffer.byteLength(text) <= maxIdBytes) return { id: text };
  // "%s" is no escape, so that no readable id begins with it.
  return { id: `%sha256-${createHash("sha256").update(text).digest("base64url")}`, key: text };
};
