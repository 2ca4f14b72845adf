// Remembers this sink's recent writes, to choose cheap actions. Outdated data does no harm: OpenSearch checks actions.

/** OpenSearch's number of a document's last write. A request with it fails if the document was written again. */
export interface SequenceNumber {
  readonly seqNo: number;
  readonly primaryTerm: number;
}

/** The state of a document after a recent write. */
export interface RecentWrite {
  /** The document has this version or a newer version. */
  readonly version: string;
  /** Undefined if another writer has written the document, or if the target is Serverless. */
  readonly sequenceNumber?: SequenceNumber;
}

/** Recent writes. The argument `idText` is the document's `_id` as JSON text. */
export interface RecentWrites {
  readonly get: (idText: string) => RecentWrite | undefined;
  readonly add: (idText: string, write: RecentWrite) => void;
}

/** Number of writes in one generation. The memory has two generations: about ten of the largest batches, 5 MB. */
const generation = 10_000;

/** Creates an empty memory of recent writes. */
export const recentWrites = (): RecentWrites => {
  let [young, old] = [new Map<string, RecentWrite>(), new Map<string, RecentWrite>()];
  const get = (idText: string): RecentWrite | undefined => young.get(idText) ?? old.get(idText);
  return {
    get,
    add: (idText, write) => {
      // Concurrent requests may be answered in any order. An older write must not replace a newer write.
      if ((get(idText)?.version ?? "") >= write.version) return;
      if (young.size >= generation) [young, old] = [new Map(), young];
      young.set(idText, write);
    },
  };
};
