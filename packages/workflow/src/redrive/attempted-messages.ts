// Stores which messages this run has attempted and left in the queue, so that no message is attempted twice. For each
// message, stores eight bytes: a hash of the id. As text, 10,000 hashes take 107 kB. The state machine may pass on at
// most 256 KiB. If two ids had the same hash, this run would attempt only one of the two messages.

import { createHash } from "node:crypto";

const bytesPerMessage = 8;

const hashOf = (messageId: string): bigint => createHash("sha256").update(messageId).digest().readBigUInt64BE(0);

/** A set of message ids. */
export interface AttemptedMessages {
  readonly has: (messageId: string) => boolean;
  readonly add: (messageId: string) => void;
  readonly size: () => number;
  /** Encodes the set as a text that `attemptedMessages` can decode. */
  readonly text: () => string;
}

/** Decodes a set of ids. The text `""` is the empty set. */
export const attemptedMessages = (text: string): AttemptedMessages => {
  const bytes = Buffer.from(text, "base64url");
  const hashes = new Set<bigint>();
  for (let at = 0; at + bytesPerMessage <= bytes.length; at += bytesPerMessage) hashes.add(bytes.readBigUInt64BE(at));
  return {
    has: (messageId) => hashes.has(hashOf(messageId)),
    add: (messageId) => hashes.add(hashOf(messageId)),
    size: () => hashes.size,
    text: () => {
      const all = Buffer.alloc(hashes.size * bytesPerMessage);
      [...hashes].forEach((hash, index) => {
        all.writeBigUInt64BE(hash, index * bytesPerMessage);
      });
      return all.toString("base64url");
    },
  };
};
