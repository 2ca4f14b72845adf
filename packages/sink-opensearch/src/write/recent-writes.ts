// Stores the sink's recent writes, to choose cheap actions. If a cheap action fails, the guard's script follows.

/** Identifies one write of a document. An action with this number fails if the document has been written since. */
export interface SequenceNumber {
  readonly seqNo: number;
  readonly primaryTerm: number;
}

/** The state of a document after a recent write. */
export interface RecentWrite {
  /** The document has this version or a newer version. */
  readonly version: string;
  /** Whether the document may be a tombstone of this version. A message of the same version would replace it. */
  readonly mayBeTombstone: boolean;
  /** Undefined if another writer has written the document, or if the target is Serverless. */
  readonly sequenceNumber?: SequenceNumber;
}

/** Whether a document in this state is as new as a change, so that the change would be superseded. */
export const isAsNew = (written: RecentWrite, version: string, hasMessage: boolean): boolean =>
  // Texts are ordered, so one comparison decides the usual case: the change is newer.
  written.version >= version && (written.version !== version || !(written.mayBeTombstone && hasMessage));

/** Recent writes. The argument `place` is the document's `_id`, and its routing if it has any, as JSON text. */
export interface RecentWrites {
  readonly get: (place: string) => RecentWrite | undefined;
  readonly add: (place: string, write: RecentWrite) => void;
  /** Forgets all writes, because the alias leads to another index. */
  readonly clear: () => void;
}

/** Maximum number of writes in `young`, and in `old`. Both together hold about ten of the largest batches in 5 MB. */
const generation = 10_000;

/** Creates an empty `RecentWrites`. */
export const recentWrites = (): RecentWrites => {
  let [young, old] = [new Map<string, RecentWrite>(), new Map<string, RecentWrite>()];
  const get = (place: string): RecentWrite | undefined => young.get(place) ?? old.get(place);
  return {
    get,
    add: (place, write) => {
      // Concurrent requests may be answered in any order. An older write must not replace a newer write.
      const known = get(place);
      if (known !== undefined && isAsNew(known, write.version, !write.mayBeTombstone)) return;
      if (young.size >= generation) [young, old] = [new Map(), young];
      young.set(place, write);
    },
    clear: () => {
      young = new Map();
      old = new Map();
    },
  };
};
