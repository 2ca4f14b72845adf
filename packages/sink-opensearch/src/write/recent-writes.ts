// What the target held when it last answered: of the documents that this sink wrote of late. A hint, and never more: each
// request that is made of it asks the target whether it still holds.

/** A document as the target held it. */
export interface Written {
  /** The least that it may be. */
  readonly version: string;
  /** Names the write in the index; undefined where it was another's, or the target takes no condition of it. */
  readonly place?: Place;
}

/** OpenSearch's own name for one write of one document. */
export interface Place {
  readonly seqNo: number;
  readonly primaryTerm: number;
}

/** By the JSON text of the document's `_id`. */
export interface RecentWrites {
  readonly get: (idText: string) => Written | undefined;
  readonly add: (idText: string, written: Written) => void;
}

/** Two generations are remembered: some ten batches of the largest size, at 5 MB. */
const generation = 10_000;

export const recentWrites = (): RecentWrites => {
  let [young, old] = [new Map<string, Written>(), new Map<string, Written>()];
  const get = (idText: string): Written | undefined => young.get(idText) ?? old.get(idText);
  return {
    get,
    add: (idText, written) => {
      // Answers of concurrent requests come in any order.
      if ((get(idText)?.version ?? "") >= written.version) return;
      if (young.size >= generation) [young, old] = [new Map(), young];
      young.set(idText, written);
    },
  };
};
