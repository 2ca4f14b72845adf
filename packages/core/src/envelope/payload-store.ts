// Payload offload: a record that is too large for a message is stored in S3, and the message contains its address.

import { randomUUID } from "node:crypto";
import { RecordError } from "../errors.ts";
import { type AwsService, awsRequestError } from "../sink/aws-error.ts";
import { type Destroyable, lazyClient, missingDependency, verifiedTls } from "../sink/lazy-client.ts";
import { checkClient, checkOptionNames, checkText } from "../sink/option.ts";
import { maxRecordBytes } from "./envelope.ts";

/** Stores records for as long as their messages exist. */
export interface PayloadStore {
  /** Stores the bytes under a new address, and returns the address. */
  readonly put: (bytes: Uint8Array) => Promise<string>;
  /**
   * Returns the bytes at an address.
   * @throws {RecordError} RECORD_LOST when the bytes do not exist, RECORD_MALFORMED for an address outside this store.
   * @throws {SinkError} for any other failure of the store.
   */
  readonly get: (url: string) => Promise<Uint8Array>;
  /** Deletes the bytes at an address. Safe to repeat. */
  readonly remove: (url: string) => Promise<void>;
  /** Where the records are, for commands: `s3://bucket/prefix`. */
  readonly address?: string;
  /** Loads the client. */
  readonly prepare?: () => Promise<void>;
}

interface ObjectPlace {
  readonly Bucket: string;
  readonly Key: string;
}

/**
 * The calls of `S3` from `@aws-sdk/client-s3` that Sluice makes; your own client fits.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export interface S3Client {
  readonly putObject: (input: ObjectPlace & { Body: Uint8Array }) => Promise<unknown>;
  readonly getObject: (input: ObjectPlace) => Promise<{
    readonly Body?: { readonly transformToByteArray: () => Promise<Uint8Array> } | undefined;
    readonly ContentLength?: number | undefined;
  }>;
  readonly deleteObject: (input: ObjectPlace) => Promise<unknown>;
}

/** Matches the names of objects that `put` creates. */
const objectName = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json\.gz$/;

/** Options of `s3PayloadStore`. */
export interface S3PayloadStoreOptions {
  readonly bucket: string;
  /** Prefix of the objects' keys. Default `sluice/records/`. */
  readonly prefix?: string;
  /** Default: an `S3` client with the SDK's own defaults, loaded when the first record is stored or fetched. */
  readonly client?: S3Client;
}

const s3: AwsService = { name: "S3", codes: { NoSuchBucket: "SINK_MISSING", NoSuchKey: "SINK_GONE" } };

/** Loads an `S3` client of the SDK. */
export const loadS3 = async (user: string): Promise<S3Client & Destroyable> => {
  const { S3 } = await import("@aws-sdk/client-s3").catch(missingDependency(user, "@aws-sdk/client-s3"));
  return new S3({ requestHandler: verifiedTls }) as S3Client & Destroyable;
};

/**
 * Returns an object's bytes.
 * @throws {RecordError} RECORD_LOST if it is missing, RECORD_MALFORMED if it is larger than `maxBytes`.
 * @throws {SinkError} for other errors.
 */
export const readObject = async (client: S3Client, place: ObjectPlace, maxBytes: number): Promise<Uint8Array> => {
  try {
    const { Body, ContentLength = 0 } = await client.getObject(place);
    if (ContentLength > maxBytes) {
      const found = `the object s3://${place.Bucket}/${place.Key} has ${ContentLength} bytes`;
      throw new RecordError("RECORD_MALFORMED", `${found}; expected at most ${maxBytes}`);
    }
    if (Body !== undefined) return await Body.transformToByteArray();
  } catch (error) {
    if (error instanceof RecordError) throw error;
    const failure = awsRequestError("s3", s3, error);
    if (failure.code !== "SINK_GONE") throw failure;
  }
  throw new RecordError("RECORD_LOST", `the object s3://${place.Bucket}/${place.Key} is gone`);
};

/**
 * Stores large records as objects in a bucket. The function needs `s3:PutObject`, `s3:GetObject` and `s3:DeleteObject`
 * on these objects. A crash can leave an object without a message, so give the prefix a lifecycle rule of 30 days.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const s3PayloadStore = (options: S3PayloadStoreOptions): PayloadStore => {
  checkOptionNames("s3PayloadStore", options, { bucket: true, prefix: true, client: true });
  const { bucket, prefix = "sluice/records/", client } = options;
  checkText("bucket", bucket);
  checkText("prefix", prefix);
  checkClient(client, "getObject", "an S3 client of @aws-sdk/client-s3");
  const connection = lazyClient<S3Client>(client, () => loadS3("s3PayloadStore"));
  const root = `s3://${bucket}/${prefix}`;
  const placeOf = (url: string): ObjectPlace => {
    // A message may be forged. A forged address must not make the function read or delete other objects.
    if (url.startsWith(root)) return { Bucket: bucket, Key: url.slice(`s3://${bucket}/`.length) };
    throw new RecordError("RECORD_MALFORMED", "recordUrl is not an address of this pipeline's payload store");
  };
  const fail = (error: unknown): never => {
    throw awsRequestError("payload store", s3, error);
  };
  return {
    address: root,
    put: async (bytes) => {
      const url = `${root}${randomUUID()}.json.gz`;
      const s3Client = await connection.get();
      await s3Client.putObject({ ...placeOf(url), Body: bytes }).catch(fail);
      return url;
    },
    get: async (url) => readObject(await connection.get(), placeOf(url), maxRecordBytes),
    remove: async (url) => {
      const place = placeOf(url);
      // The prefix may be the beginning of another one. Only objects that `put` has named are deleted.
      if (!objectName.test(url.slice(root.length))) {
        throw new RecordError(
          "RECORD_MALFORMED",
          "recordUrl is not the address of a record that this store has stored",
        );
      }
      const s3Client = await connection.get();
      await s3Client.deleteObject(place).catch(fail);
    },
    prepare: async () => void (await connection.get()),
  };
};
