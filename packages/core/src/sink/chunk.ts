// Splits deliveries to what one request may hold.

/** Limits of one request. */
export interface ChunkLimits<Entry> {
  readonly maxEntries: number;
  /** Bytes on the wire of all entries of a request together. */
  readonly maxBytes: number;
  /** Bytes that one entry takes on the wire, separators included. */
  readonly sizeOf: (entry: Entry) => number;
}

/**
 * Splits entries, in order, into chunks that hold at most `maxEntries` and `maxBytes`. No chunk is empty. An entry that
 * is larger than `maxBytes` by itself stands alone in its chunk: its sink refuses it before any request.
 */
export const chunk = <Entry>(entries: readonly Entry[], limits: ChunkLimits<Entry>): Entry[][] => {
  const chunks: Entry[][] = [];
  let current: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = limits.sizeOf(entry);
    if (current.length > 0 && (current.length >= limits.maxEntries || bytes + size > limits.maxBytes)) {
      chunks.push(current);
      current = [];
      bytes = 0;
    }
    current.push(entry);
    bytes += size;
  }
  if (current.length > 0) chunks.push(current);
  return chunks;
};
