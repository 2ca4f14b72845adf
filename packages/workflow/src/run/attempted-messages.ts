// Which messages were tried in this run and are still in the queue: none is tried twice. Eight bytes of a hash for each
// message id, as one text: 10,000 of them take 107 kB of the 256 KiB that a state may hold. Two ids that share their
// bytes would leave a message for the next run.

import { createHash } from "node:crypto";

const bytesEach = 8;

const hashOf = (messageId: string): bigint => createHash("sha256").update(messageId).digest().readBigUInt64BE(0);

/** Message ids that can be told to have been seen. */
export interface Tried {
  readonly has: (messageId: string) => boolean;
  readonly add: (messageId: string) => void;
  readonly size: () => number;
  /** What `triedIn` reads. */
  readonly text: () => string;
}

/** The ids in a text that `text` made; `""` holds none. */
export const triedIn = (text: string): Tried => {
  const bytes = Buffer.from(text, "base64url");
  const hashes = new Set<bigint>();
  for (let at = 0; at + bytesEach <= bytes.length; at += bytesEach) hashes.add(bytes.readBigUInt64BE(at));
  return {
    has: (messageId) => hashes.has(hashOf(messageId)),
    add: (messageId) => hashes.add(hashOf(messageId)),
    size: () => hashes.size,
    text: () => {
      const all = Buffer.alloc(hashes.size * bytesEach);
      [...hashes].forEach((hash, index) => {
        all.writeBigUInt64BE(hash, index * bytesEach);
      });
      return all.toString("base64url");
    },
  };
};
