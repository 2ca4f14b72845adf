// Fetches and removes the records that a pipeline has stored in its payload store because of their size.

import { decodeEnvelope, type Envelope, type PayloadStore } from "@sluice/core/envelope";
import { RecordError } from "@sluice/core/sink-kit";

/**
 * Returns the envelope with its record. If the record is in the payload store, fetches the record from there.
 * @throws {RecordError} RECORD_LOST or RECORD_MALFORMED. @throws {SinkError} for other errors of the store.
 */
export const withRecord = async (
  envelope: Envelope,
  payloadStore: Pick<PayloadStore, "get"> | undefined,
): Promise<Envelope> => {
  const { recordUrl, record: _, ...rest } = envelope;
  if (recordUrl === undefined) return envelope;
  if (payloadStore === undefined) {
    throw new RecordError(
      "RECORD_MALFORMED",
      "the record is stored elsewhere; expected the option payloadStore to fetch it",
    );
  }
  const recordGzip = Buffer.from(await payloadStore.get(recordUrl)).toString("base64");
  const whole = decodeEnvelope(JSON.stringify({ ...rest, recordGzip }));
  if (whole !== undefined) return whole;
  throw new RecordError("RECORD_MALFORMED", `the object ${recordUrl} contains no record`);
};

/** Messages that are removed together, and the URLs of their records. No other message refers to these records. */
export interface Removal<Message> {
  readonly messages: readonly Message[];
  readonly recordUrls: readonly string[];
}

/** The functions and the store with which `removeWithRecords` removes messages and records. */
export interface Removing<Message> {
  /** Removes messages from their source. Returns the messages that were removed. */
  readonly removeMessages: (messages: readonly Message[]) => Promise<ReadonlySet<Message>>;
  /** The store that contains the records. If `payloadStore` is undefined, the records are not removed. */
  readonly payloadStore: Pick<PayloadStore, "remove"> | undefined;
  /** Called for each record that could not be removed. */
  readonly onError: (recordUrl: string, error: unknown) => void;
}

/**
 * Removes messages first and their records afterwards, so that no message in the source ever lacks its record.
 * Returns the removed messages. Rejects only if `removeMessages` rejects.
 */
export const removeWithRecords = async <Message>(
  removals: readonly Removal<Message>[],
  { removeMessages, payloadStore, onError }: Removing<Message>,
): Promise<ReadonlySet<Message>> => {
  const removed = await removeMessages(removals.flatMap(({ messages }) => messages));
  const complete = removals.filter(({ messages }) => messages.every((message) => removed.has(message)));
  for (const url of complete.flatMap(({ recordUrls }) => recordUrls)) {
    await payloadStore?.remove(url).catch((error: unknown) => onError(url, error));
  }
  return removed;
};
