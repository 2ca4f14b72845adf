// What the target held after this sink's recent writes. Only a hint: the target checks each request built on it.

/** OpenSearch's identification of one write of one document, for optimistic concurrency control. */
export interface SequenceNumber {
  readonly seqNo: number;
  readonly primaryTerm: number;
}

/** A document as the target held it. */
export interface RecentWrite {
  /** The document has this version or a newer one. */
  readonly version: string;
  /** Undefined where another writer wrote the document, or the target takes no condition on a sequence number. */
  readonly sequenceNumber?: SequenceNumber;
}

/** Recent writes by the JSON text of the document's `_id`. */
export interface RecentWrites {
  readonly get: (idText: string) => RecentWrite | undefined;
  readonly add: (idText: string, write: RecentWrite) => void;
}

/** Size of one generation. Two are kept: some ten batches of the largest size, in 5 MB. */
const generation = 10_000;

/** Makes an empty memory of recent writes. */
export const recentWrites = (): RecentWrites => {
  let [young, old] = [new Map<string, RecentWrite>(), new Map<string, RecentWrite>()];
  const get = (idText: string): RecentWrite | undefined => young.get(idText) ?? old.get(idText);
  return {
    get,
    add: (idText, write) => {
      // The answers of concurrent requests arrive in any order.
      if ((get(idText)?.version ?? "") >= write.version) return;
      if (young.size >= generation) [young, old] = [new Map(), young];
      young.set(idText, write);
    },
  };
};
