// Reads and deletes records that pipelines have stored in S3 because the records are too large for a message.

import { s3PayloadStore } from "@sluice/core";
import type { Envelope, PayloadStore, S3Client } from "@sluice/core/envelope";
import { lazyClient, RecordError } from "@sluice/core/sink-kit";
import { withRecord } from "@sluice/redrive";

/** Reads and deletes the records in the pipelines' payload stores. */
export interface Payloads {
  /** Returns the envelope with its record, or undefined if the record is lost. @throws {SinkError} for S3's errors */
  readonly fetch: (envelope: Envelope) => Promise<Envelope | undefined>;
  /** Deletes a record. @throws {SinkError} when S3 does not delete it */
  readonly remove: (recordUrl: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Matches the URLs of objects that `s3PayloadStore` has created. */
const address = /^s3:\/\/([^/]+)\/(.+)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json\.gz$/;

/** Creates `Payloads` for all buckets. The S3 client is created when the first record is read or deleted. */
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
    // A stranger may have sent the message with any URL. So only objects whose URL matches `address` are deleted.
    remove: async (recordUrl) => (await storeOf(recordUrl))?.remove(recordUrl),
    close: connection.close,
  };
};
