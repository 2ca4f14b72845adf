// Names the owner of a row: the source item whose content the row has.

import { createHash } from "node:crypto";

/** Returns 128 bits of the SHA-256 of an item's key. The version table stores this hash: a key may have 3 KB. */
export const ownerOf = (itemKey: string): string =>
  createHash("sha256").update(itemKey).digest().subarray(0, 16).toString("base64url");
