// Where a batch ends: at the batch size, or at Lambda's payload limit; and the event that carries the batch.

/** A record of an event, as JSON. */
export interface RecordText {
  /** Serialized once: the text is measured, and parsed anew for each invocation. */
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
}

/** Lambda's limit for the payload of a synchronous invocation. */
const maxEventBytes = 6 * 1024 * 1024;
const emptyEventBytes = '{"Records":[]}'.length;

/** The head of a queue that makes the next batch. */
export interface BatchCut {
  readonly size: number;
  /** Whether the batch can take no further record. */
  readonly isFull: boolean;
}

/** Cuts the next batch from the head of a queue. A record that exceeds the payload limit gets a batch of its own. */
export const cutBatch = (queue: readonly RecordText[], batchSize: number): BatchCut => {
  let bytes = emptyEventBytes;
  let size = 0;
  for (const record of queue) {
    if (size === batchSize) break;
    const grown = bytes + record.bytes + (size > 0 ? 1 : 0);
    if (grown > maxEventBytes && size > 0) return { size, isFull: true };
    bytes = grown;
    size += 1;
  }
  return { size, isFull: size === batchSize };
};

/** The event that carries these records, as JSON. */
export const eventText = (records: readonly RecordText[]): string =>
  `{"Records":[${records.map(({ text }) => text).join(",")}]}`;
