// Finds the key of the source item from a document's `_id`, or from the key's text in the guard.

import { decodeImage, type Image, type KeysRequest, type KeyValue } from "@sluice/core/sink-kit";
import { documentId } from "../write/document-id.ts";

type KeyType = "S" | "N" | "B";

const unescaped = (text: string): string => text.replace(/%(25|7C|23|7E)/g, (code) => decodeURIComponent(code));

/** Reads one value of a key's text. Returns undefined if the text is not of this type. */
const keyValue = (text: string, type: KeyType): Image[string] | undefined => {
  if (type === "N") return /^#-?\d/.test(text) ? { N: text.slice(1) } : undefined;
  if (type === "B")
    return text.startsWith("~") ? { B: Buffer.from(text.slice(1), "base64url").toString("base64") } : undefined;
  if (/^[#~]/.test(text)) return undefined;
  return { S: text === "%" ? "" : unescaped(text) };
};

const keysIn = (text: string, keyTypes: KeysRequest["keyTypes"]): Image | undefined => {
  const names = Object.keys(keyTypes).sort();
  const texts = names.length === 1 ? [text] : text.split("|");
  if (texts.length !== names.length) return undefined;
  const keys = names.map((name, at) => [name, keyValue(texts[at] as string, keyTypes[name] as KeyType)] as const);
  return keys.some(([, value]) => value === undefined) ? undefined : (Object.fromEntries(keys) as Image);
};

/**
 * Returns the key of a document's item. `text` is the key's text, which the guard stores if the `_id` is a hash. Undefined if
 * the sink would give another `_id` to the item, because another program wrote the document.
 */
export const sourceKeys = (id: string, text: unknown, keyTypes: KeysRequest["keyTypes"]): Image | undefined => {
  const keys = keysIn(typeof text === "string" ? text : id, keyTypes);
  if (keys === undefined) return undefined;
  return documentId(decodeImage(keys) as { readonly [name: string]: KeyValue }).id === id ? keys : undefined;
};
