// Makes a document's `_id` from the item's key, as readable text. "#" begins a number, "~" begins bytes, "|" separates
// values. A string is unchanged, except that characters that could be misread are escaped with "%", as in URLs.

import { createHash } from "node:crypto";
import { type Change, canonicalDecimal, type KeyValue } from "@sluice/core/sink-kit";

/** Maximum bytes of an id. If one id is longer, OpenSearch refuses the whole request. @see https://github.com/opensearch-project/OpenSearch/pull/6595 */
const maxIdBytes = 512;

/** Whether a text has half a surrogate pair, which has no form in UTF-8. */
export const hasHalfPair = (text: string): boolean => /\p{Surrogate}/u.test(text);

/** A document's id. */
export interface DocumentId {
  readonly id: string;
  /** Only for a key whose text is too long for an id: the key's text. In that case, `id` is a hash of `key`. */
  readonly key?: string;
}

const escapes: Readonly<Record<string, string>> = { "%": "%25", "|": "%7C", "#": "%23", "~": "%7E" };

const escaped = (character: string): string => escapes[character] ?? character;

/** Returns the same text for equal numbers, because a record may contain 100 or 1E2 for the same key. */
const numberText = (value: object | number): string => {
  const text = String(value);
  return typeof value === "number" && !text.includes("e") ? text : canonicalDecimal(text).replace(/e0$/, "");
};

const stringText = (value: string): string => {
  // OpenSearch accepts no empty id. "%" is unambiguous, because in escapes two hexadecimal digits follow the "%".
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
  // Sorts the values by attribute name, because a record may list the key attributes in any order.
  return names
    .sort()
    .map((name) => valueText(keys[name] as KeyValue))
    .join("|");
};

/** Returns the id of an item's document. It depends only on the item's key. Items of a table have different ids. */
export const documentId = (keys: Change["keys"]): DocumentId => {
  const text = textOf(keys);
  // A UTF-16 unit takes at most three bytes in UTF-8, so a short text needs no exact count of its bytes.
  if (text.length * 3 <= maxIdBytes || Buffer.byteLength(text) <= maxIdBytes) return { id: text };
  // Other ids are percent-encoded: a hex digit follows every "%". So no other id can begin with "%s".
  return { id: `%sha256-${createHash("sha256").update(text).digest("base64url")}`, key: text };
};

/** Returns the id of an item's document; undefined if OpenSearch would alter it, so that the item can have no document. */
export const checkedDocumentId = (keys: Change["keys"]): DocumentId | undefined => {
  const found = documentId(keys);
  return hasHalfPair(found.id) ? undefined : found;
};
