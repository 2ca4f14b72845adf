// Where a batch ends: at the batch size, or before Lambda's payload limit; and the event that carries it.

/** A record of an event, as JSON. */
export interface RecordText {
  /** Written once: it is measured, and parsed anew for each invocation. */
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
}

/** Lambda's limit for the payload of a synchronous invocation. */
const maxEventBytes = 6 * 1024 * 1024;
const envelopeBytes = '{"Records":[]}'.length;

/** How many records the next batch takes, and whether more would not go in. */
export interface BatchCut {
  readonly size: number;
  readonly isFull: boolean;
}

/** Cuts the next batch from the head of a queue. A record that is too large by itself stands alone. */
export const cutBatch = (queue: readonly RecordText[], batchSize: number): BatchCut => {
  let bytes = envelopeBytes;
  let size = 0;
  for (const entry of queue) {
    if (size === batchSize) break;
    const grown = bytes + entry.bytes + (size > 0 ? 1 : 0);
    if (grown > maxEventBytes && size > 0) return { size, isFull: true };
    bytes = grown;
    size += 1;
  }
  return { size, isFull: size === batchSize };
};

/** The event that carries these records, as JSON. */
export const eventText = (records: readonly RecordText[]): string =>
  `{"Records":[${records.map(({ text }) => text).join(",")}]}`;
