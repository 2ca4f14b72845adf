// Short texts and numbers that stand for something: a source item, or an object of the user's code.

import { createHash } from "node:crypto";

/** Returns 128 bits of the SHA-256 of an item's key. A guard stores this hash as an owner, because a key may have 3 KB. */
export const ownerOf = (itemKey: string): string =>
  createHash("sha256").update(itemKey).digest().subarray(0, 16).toString("base64url");

const numbers = new WeakMap<object, number>();
let lastNumber = 0;

/**
 * Numbers the objects of the user's code, for `Sink.target`. A client does not tell reliably which server it uses, and
 * its options may contain a credential.
 */
export const objectNumber = (object: object): number => {
  const number = numbers.get(object) ?? ++lastNumber;
  numbers.set(object, number);
  return number;
};
