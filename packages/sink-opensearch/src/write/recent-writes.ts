// Remembers what this sink recently wrote. The memory is only a hint, because the target checks each request.

/** OpenSearch's number for one write of one document, for optimistic concurrency control. */
export interface SequenceNumber {
  readonly seqNo: number;
  readonly primaryTerm: number;
}

/** A document in the target, as a recent write left it. */
export interface RecentWrite {
  /** The document has this version or a newer one. */
  readonly version: string;
  /** Undefined if another writer wrote the document, or if the target accepts no condition on a sequence number. */
  readonly sequenceNumber?: SequenceNumber;
}

/** Recent writes, by the document's `_id` as JSON text. */
export interface RecentWrites {
  readonly get: (idText: string) => RecentWrite | undefined;
  readonly add: (idText: string, write: RecentWrite) => void;
}

/** Size of one generation. Two generations are kept, which is some ten batches of the largest size, in 5 MB. */
const generation = 10_000;

/** Creates an empty memory of recent writes. */
export const recentWrites = (): RecentWrites => {
  let [young, old] = [new Map<string, RecentWrite>(), new Map<string, RecentWrite>()];
  const get = (idText: string): RecentWrite | undefined => young.get(idText) ?? old.get(idText);
  return {
    get,
    add: (idText, write) => {
      // Concurrent requests may be answered in any order, so an older write must not replace a newer one.
      if ((get(idText)?.version ?? "") >= write.version) return;
      if (young.size >= generation) [young, old] = [new Map(), young];
      young.set(idText, write);
    },
  };
};
