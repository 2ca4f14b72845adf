// The bucket to which Lambda writes the batches that it gave up on, with the whole event.

import { Duration, Stack } from "aws-cdk-lib";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { allow } from "../grant.ts";

/** Options of `OnFailureBucket`. */
export interface OnFailureBucketProps {
  /** Your own bucket. Default: a bucket that is kept when the stack is deleted. */
  readonly bucket?: IBucket;
  /** A key of your own for the new bucket. Default: the keys of S3. */
  readonly encryptionKey?: IKey;
  /** How long objects are kept. Default 30 days: older changes can no longer be applied to a target. */
  readonly expiration?: Duration;
}

/** The bucket for the options of a new bucket, with what every bucket of a pipeline has. */
export const privateBucket = (
  scope: Construct,
  id: string,
  { encryptionKey, expiration, prefix }: { encryptionKey?: IKey; expiration: Duration; prefix?: string },
): Bucket =>
  new Bucket(scope, id, {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    encryption: encryptionKey ? BucketEncryption.KMS : BucketEncryption.S3_MANAGED,
    ...(encryptionKey && { encryptionKey, bucketKeyEnabled: true }),
    lifecycleRules: [
      { expiration, abortIncompleteMultipartUploadAfter: Duration.days(1), ...(prefix !== undefined && { prefix }) },
    ],
  });

/** Lambda's on-failure destination in S3. SQS and SNS would get a pointer into a stream that forgets after 24 hours. */
export class OnFailureBucket extends Construct {
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, props: OnFailureBucketProps = {}) {
    super(scope, id);
    const { encryptionKey, expiration = Duration.days(30) } = props;
    this.bucket =
      props.bucket ?? privateBucket(this, "Bucket", { expiration, ...(encryptionKey && { encryptionKey }) });
  }

  /**
   * Lets Lambda write failed batches with the role of the function. A condition names the account, so that nobody else's
   * bucket of that name ever gets them.
   * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html (read 2026-11-25)
   */
  grantDestination(role: IGrantable): void {
    const conditions = { StringEquals: { "s3:ResourceAccount": Stack.of(this).account } };
    const objects = this.bucket.arnForObjects("aws/lambda/*");
    allow(role, { actions: ["s3:PutObject"], resources: [objects], conditions });
    allow(role, { actions: ["s3:ListBucket"], resources: [this.bucket.bucketArn], conditions });
    this.bucket.encryptionKey?.grant(role, "kms:GenerateDataKey");
  }

  /** Lets the pipeline's function read failed batches, for a redrive. */
  grantRead(role: IGrantable): void {
    allow(role, { actions: ["s3:GetObject"], resources: [this.bucket.arnForObjects("aws/lambda/*")] });
    this.bucket.encryptionKey?.grant(role, "kms:Decrypt");
  }
}
