// Cuts batches at the batch size and at Lambda's payload limit, and writes the event of a batch as JSON.

/** A record of an event, as JSON. */
export interface RecordText {
  /** JSON of the record. Each invocation parses this text again, so that the function gets a new copy. */
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
}

/** Lambda's limit for the payload of a synchronous invocation. */
const maxEventBytes = 6 * 1024 * 1024;
const emptyEventBytes = '{"Records":[]}'.length;

/** The records at the head of a queue that form the next batch. */
export interface BatchCut {
  readonly size: number;
  /** Whether no further record fits into the batch. */
  readonly isFull: boolean;
}

/** Cuts the next batch from the head of a queue. A record that exceeds the payload limit forms a batch alone. */
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

/** Returns the event with these records, as JSON. */
export const eventText = (records: readonly RecordText[]): string =>
  `{"Records":[${records.map(({ text }) => text).join(",")}]}`;
