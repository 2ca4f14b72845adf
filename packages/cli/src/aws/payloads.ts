// Records that are stored in S3 because they are too large for a message.

import { s3PayloadStore } from "@sluice/core";
import type { Envelope, PayloadStore, S3Client } from "@sluice/core/envelope";
import { lazyClient, RecordError } from "@sluice/core/sink-kit";
import { withRecord } from "@sluice/redrive";

/** Reads and deletes the records in the pipelines' payload stores. */
export interface Payloads {
  /** Returns the envelope with its record, or undefined if that is lost. @throws {SinkError} for other errors of S3 */
  readonly fetch: (envelope: Envelope) => Promise<Envelope | undefined>;
  /** Deletes a record. @throws {SinkError} when S3 does not delete it */
  readonly remove: (recordUrl: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** URLs of the objects that `s3PayloadStore` creates. */
const address = /^s3:\/\/([^/]+)\/(.+)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json\.gz$/;

/** Reads and deletes records in any bucket. The client is created when the first record is read or deleted. */
export const openPayloads = (makeClient: () => Promise<S3Client & { readonly destroy: () => void }>): Payloads => {
  const connection = lazyClient(undefined, makeClient);
  const storeOf = async (recordUrl: string): Promise<PayloadStore | undefined> => {
    const [, bucket, prefix] = address.exec(recordUrl) ?? [];
    if (bucket === undefined || prefix === undefined) return undefined;
    return s3PayloadStore({ bucket, prefix, client: await connection.get() });
  };
  return {
    fetch: async (envelope) => {
      try {
        return await withRecord(envelope, await storeOf(envelope.recordUrl ?? ""));
      } catch (error) {
        if (error instanceof RecordError) return undefined;
        throw error;
      }
    },
    // Anyone may have sent the message, so the command deletes only objects that have the name of a record.
    remove: async (recordUrl) => (await storeOf(recordUrl))?.remove(recordUrl),
    close: connection.close,
  };
};
