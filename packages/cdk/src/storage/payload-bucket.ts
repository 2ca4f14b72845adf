// The bucket of `s3PayloadStore`: records that are too large for a message of SQS.

import { Duration } from "aws-cdk-lib";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { allow } from "../grant.ts";
import { privateBucket } from "../stream/on-failure-bucket.ts";

/** Options of `PayloadBucket`. */
export interface PayloadBucketProps {
  /** Your own bucket. Its objects must live for 30 days. Default: a new bucket. */
  readonly bucket?: IBucket;
  /** The prefix of the objects: the option `prefix` of `s3PayloadStore`. Default `sluice/records/`. */
  readonly prefix?: string;
  /** A key of your own for the new bucket. Default: the keys of S3. */
  readonly encryptionKey?: IKey;
}

/** The bucket of large records. A crash can leave an object without a message, so objects expire after 30 days. */
export class PayloadBucket extends Construct {
  readonly bucket: IBucket;
  readonly #prefix: string;

  constructor(scope: Construct, id: string, props: PayloadBucketProps = {}) {
    super(scope, id);
    const { prefix = "sluice/records/", encryptionKey } = props;
    this.#prefix = prefix;
    const options = { prefix, expiration: Duration.days(30), ...(encryptionKey && { encryptionKey }) };
    this.bucket = props.bucket ?? privateBucket(this, "Bucket", options);
  }

  /** Lets a function store, read and delete records. */
  grant(grantee: IGrantable): void {
    allow(grantee, {
      actions: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
      resources: [this.bucket.arnForObjects(`${this.#prefix}*`)],
    });
    this.bucket.encryptionKey?.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey");
  }
}
