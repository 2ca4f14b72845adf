// Reads the batches that Lambda gave up on from the S3 bucket of the on-failure destination.

import { loadS3, readObject, type S3Client } from "../envelope/payload-store.ts";
import { RecordError } from "../errors.ts";
import { lazyClient } from "../sink/lazy-client.ts";
import { checkOptionNames, checkText } from "../sink/option.ts";
import type { OnFailureDestinationReader } from "./on-failure-destination.ts";

/** Options of `onFailureBucketReader`. */
export interface OnFailureBucketReaderOptions {
  /**
   * The bucket to which Lambda writes failed batches, or several. A message that points to another bucket stays unread: it
   * may be forged, and would make the function read whatever its role may read.
   */
  readonly bucket: string | readonly string[];
  /** Default: an `S3` client with the SDK's own defaults, loaded at the first object. */
  readonly s3?: S3Client;
}

/** An event has at most 6 MB, which its text in an invocation record escapes. */
const maxObjectBytes = 32 * 1_048_576;

const foreignBucket = (bucket: string): RecordError =>
  new RecordError(
    "RECORD_FOREIGN",
    `a message points to an object in bucket ${JSON.stringify(bucket)}; expected the bucket of the on-failure ` +
      "destination: onFailureDestination: onFailureBucketReader({ bucket })",
  );

/**
 * Creates a reader of the objects that Lambda writes to S3. The SDK's client is loaded at the first object. The function
 * needs `s3:GetObject` on the objects.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const onFailureBucketReader = (
  options: OnFailureBucketReaderOptions,
): Required<Pick<OnFailureDestinationReader, "readObject">> => {
  checkOptionNames("onFailureBucketReader", options, { bucket: true, s3: true });
  const { bucket: own, s3 } = options;
  const buckets = Array.isArray(own) ? (own as readonly string[]) : [own as string];
  for (const bucket of buckets) checkText("bucket", bucket);
  const s3Client = lazyClient<S3Client>(s3, () => loadS3("onFailureBucketReader"));
  return {
    readObject: async ({ bucket, key }) => {
      if (!buckets.includes(bucket)) throw foreignBucket(bucket);
      const place = { Bucket: bucket, Key: key };
      return Buffer.from(await readObject(await s3Client.get(), place, maxObjectBytes)).toString();
    },
  };
};
