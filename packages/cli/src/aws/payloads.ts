// Reads and deletes records that a pipeline has stored in S3 because the records are too large for a message. A message
// may be forged, and may name any object. So the command uses only objects of the store that the user names.

import { s3PayloadStore } from "@sluice/core";
import type { Envelope, PayloadStore, S3Client } from "@sluice/core/envelope";
import { lazyClient, RecordError } from "@sluice/core/sink-kit";
import { withRecord } from "@sluice/redrive";
import type { OptionValues } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";

/** Place of the pipeline's payload store. */
export interface PayloadPlace {
  readonly bucket: string;
  readonly prefix: string;
}

/** Default prefix of `s3PayloadStore`. */
const defaultPrefix = "sluice/records/";

/** The command-line option that names the store. */
export const payloadOptions = {
  "payload-store": {
    type: "string",
    value: "s3://BUCKET/PREFIX",
    help: "the pipeline's payload store, which contains large records (default prefix: sluice/records/); records elsewhere are neither read nor deleted",
  },
} as const;

/** Reads the option `--payload-store`. @throws {CommandError} when the text is not an address */
export const payloadPlace = (values: OptionValues<typeof payloadOptions>): PayloadPlace | undefined => {
  const text = values["payload-store"];
  if (text === undefined) return undefined;
  const [, bucket, prefix] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (bucket === undefined) throw new CommandError(`--payload-store is "${text}"; expected s3://bucket/prefix/`);
  return { bucket, prefix: prefix || defaultPrefix };
};

/** Returns the place of a pipeline's payload store. Undefined if the pipeline has no store, or a store outside of S3. */
export const payloadPlaceOf = (stores: readonly Pick<PayloadStore, "address">[]): PayloadPlace | undefined => {
  const [, bucket, prefix = ""] =
    stores.map(({ address }) => /^s3:\/\/([^/]+)\/(.*)$/.exec(address ?? "")).find((found) => found !== null) ?? [];
  return bucket === undefined ? undefined : { bucket, prefix };
};

/** Reads and deletes the records in the pipeline's payload store. */
export interface Payloads {
  /** Whether the address is in the payload store. */
  readonly isInside: (recordUrl: string) => boolean;
  /** Returns the envelope with its record, or undefined if the record is lost or outside. @throws {SinkError} for S3's errors */
  readonly fetch: (envelope: Envelope) => Promise<Envelope | undefined>;
  /** Deletes a record. @throws {RecordError} when it is outside. @throws {SinkError} when S3 does not delete it */
  readonly remove: (recordUrl: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The message of an error about a record outside of the store. */
export const outside = "the record is not in the store that --payload-store names";

/** Creates `Payloads`. The S3 client is created when the first record is read or deleted. */
export const openPayloads = (
  place: PayloadPlace | undefined,
  makeClient: () => Promise<S3Client & { readonly destroy: () => void }>,
): Payloads => {
  const connection = lazyClient(undefined, makeClient);
  const isInside = (recordUrl: string): boolean =>
    place !== undefined && recordUrl.startsWith(`s3://${place.bucket}/${place.prefix}`);
  const storeOf = async (recordUrl: string | undefined): Promise<PayloadStore> => {
    if (place !== undefined && recordUrl !== undefined && isInside(recordUrl)) {
      return s3PayloadStore({ ...place, client: await connection.get() });
    }
    throw new RecordError("RECORD_MALFORMED", outside);
  };
  return {
    isInside,
    fetch: async (envelope) => {
      try {
        return await withRecord(envelope, await storeOf(envelope.recordUrl));
      } catch (error) {
        if (error instanceof RecordError) return undefined;
        throw error;
      }
    },
    remove: async (recordUrl) => (await storeOf(recordUrl)).remove(recordUrl),
    close: connection.close,
  };
};
