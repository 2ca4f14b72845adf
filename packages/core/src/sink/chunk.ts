// Splits entries by the limits of a request, or by a key.

/** The limits of one request. */
export interface ChunkLimits<Entry> {
  readonly maxEntries: number;
  /** Limit in bytes of all entries of a request together. Default: no limit. */
  readonly maxBytes?: number;
  /** Bytes of one entry in the request, including separators. */
  readonly sizeOf?: (entry: Entry) => number;
}

/** Splits entries, in order, into non-empty chunks within the limits. An entry above the limit gets its own chunk. */
export const chunk = <Entry>(
  entries: readonly Entry[],
  { maxEntries, maxBytes = Number.POSITIVE_INFINITY, sizeOf = () => 0 }: ChunkLimits<Entry>,
): Entry[][] => {
  const chunks: Entry[][] = [];
  let current: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = sizeOf(entry);
    if (current.length > 0 && (current.length >= maxEntries || bytes + size > maxBytes)) {
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

/** Groups entries by a key. The groups have the order of their first entries. Each group keeps its entries in order. */
export const groupBy = <Entry>(entries: readonly Entry[], keyOf: (entry: Entry) => string): Map<string, Entry[]> => {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
};
