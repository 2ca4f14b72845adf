// The document's `_id`: the key as one readable text, unique to the key. Numbers begin with "#", binary with "~", and "|"
// separates values. Strings are unchanged, except that "%" escapes these characters, as in URLs.

import { createHash } from "node:crypto";
import { type Change, canonicalDecimal, type KeyValue } from "@sluice/core/sink-kit";

/** If an id is longer, the server refuses the whole request. @see https://github.com/opensearch-project/OpenSearch/pull/6595 */
const maxIdBytes = 512;

/** A document's id. */
export interface DocumentId {
  readonly id: string;
  /** The key as text, if it is too long for an id. The `id` is then its hash. */
  readonly key?: string;
}

const escapes: Readonly<Record<string, string>> = { "%": "%25", "|": "%7C", "#": "%23", "~": "%7E" };

const escaped = (character: string): string => escapes[character] ?? character;

/** Returns one text per value, because a record may write 100 as "1E2", which must give the same key. */
const numberText = (value: object | number): string => {
  const text = String(value);
  return typeof value === "number" && !text.includes("e") ? text : canonicalDecimal(text).replace(/e0$/, "");
};

const stringText = (value: string): string => {
  // OpenSearch does not accept an empty id. No other value becomes a single "%".
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
  // The values are sorted by name, because a record may list the attributes in any order.
  return names
    .sort()
    .map((name) => valueText(keys[name] as KeyValue))
    .join("|");
};

/** Returns the id of an item's document, from its key attributes alone. Two items of one table never share an id. */
export const documentId = (keys: Change["keys"]): DocumentId => {
  const text = textOf(keys);
  // Avoids the byte count for a short text: a UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= maxIdBytes || Buffer.byteLength(text) <= maxIdBytes) return { id: text };
  // No readable id begins with "%s", because "%s" is not an escape.
  return { id: `%sha256-${createHash("sha256").update(text).digest("base64url")}`, key: text };
};
