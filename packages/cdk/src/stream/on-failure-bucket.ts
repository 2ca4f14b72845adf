// Buckets of changes: batches that Lambda gave up on, and records that are too large for a message.

import { rightRows } from "@sluice/rules";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import { allowActions } from "../function/allow.ts";
import { checkRange } from "../pipeline/known.ts";

/** Options of `OnFailureBucket` and `PayloadBucket`. */
export interface ChangeBucketOptions {
  /** A key of your own. Default: a key that S3 manages, which costs nothing. */
  readonly encryptionKey?: IKey;
  /**
   * When S3 deletes objects. Default 90 days. Core refuses changes of more than 28 days; an older object still names the
   * items to repair with `sluice verify --repair`.
   */
  readonly expiration?: Duration;
  /** Default `RETAIN`: an object may be the only copy of a change, also after the stack is deleted. */
  readonly removalPolicy?: RemovalPolicy;
}

const checkExpiration = (expiration: Duration | undefined): void => {
  if (expiration === undefined || expiration.isUnresolved()) return;
  checkRange("expiration in days", expiration.toDays({ integral: false }), [1, 36_500], "S3 counts whole days");
};

const newBucket = (scope: Construct, options: ChangeBucketOptions): IBucket => {
  checkExpiration(options.expiration);
  // The cast: CDK's classes do not fit its interfaces under exactOptionalPropertyTypes.
  return new Bucket(scope, "Bucket", {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN,
    lifecycleRules: [
      { expiration: options.expiration ?? Duration.days(90), abortIncompleteMultipartUploadAfter: Duration.days(1) },
    ],
    ...(options.encryptionKey === undefined
      ? { encryption: BucketEncryption.S3_MANAGED }
      : { encryption: BucketEncryption.KMS, encryptionKey: options.encryptionKey, bucketKeyEnabled: true }),
  }) as IBucket;
};

/**
 * The bucket must belong to the account that owns it now. Otherwise another account could create a bucket of this name
 * after ours is deleted, and would receive the changes.
 */
const sameOwner = (bucket: IBucket) => ({ StringEquals: { "s3:ResourceAccount": bucket.env.account } });

const objectsOf = (bucket: IBucket): string => bucket.arnForObjects("*");

/** The bucket to which Lambda writes the batches that it gave up on, whole. */
export class OnFailureBucket extends Construct {
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, options: ChangeBucketOptions = {}) {
    super(scope, id);
    this.bucket = newBucket(this, options);
    acknowledge(this, "AwsSolutions-S1");
  }

  /** Allows Lambda to write batches with the role of this function. */
  grantWrite(grantee: IGrantable): void {
    grantOnFailure(this.bucket, grantee);
  }

  /** Allows to redrive the batches: to list, read and delete them. */
  grantRedrive(grantee: IGrantable): void {
    const { bucket } = this;
    allowActions(grantee, ["s3:GetObject", "s3:DeleteObject"], [objectsOf(bucket)], sameOwner(bucket));
    allowActions(grantee, ["s3:ListBucket"], [bucket.bucketArn], sameOwner(bucket));
    bucket.encryptionKey?.grant(grantee, "kms:Decrypt");
  }
}

/**
 * Grants exactly what Lambda needs to write a batch to the bucket.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html (read 2026-11-25)
 */
export const grantOnFailure = (bucket: IBucket, grantee: IGrantable): readonly Grant[] => {
  const grants = [
    allowActions(grantee, rightRows.onFailureObjects.actions, [objectsOf(bucket)], sameOwner(bucket)),
    allowActions(grantee, rightRows.onFailureBucket.actions, [bucket.bucketArn], sameOwner(bucket)),
  ];
  const key = bucket.encryptionKey?.grant(grantee, ...rightRows.onFailureBucketKey.actions);
  return key === undefined ? grants : [...grants, key];
};

/** The bucket of `s3PayloadStore`, for records that are too large for a message. */
export class PayloadBucket extends Construct {
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, options: ChangeBucketOptions = {}) {
    super(scope, id);
    this.bucket = newBucket(this, options);
    acknowledge(this, "AwsSolutions-S1");
  }

  /** Allows a pipeline's function to store, fetch and delete large records. */
  grantUse(grantee: IGrantable): void {
    grantPayloads(this.bucket, grantee);
  }
}

/** Grants exactly what `s3PayloadStore` needs. */
export const grantPayloads = (bucket: IBucket, grantee: IGrantable): void => {
  allowActions(grantee, rightRows.payloads.actions, [objectsOf(bucket)], sameOwner(bucket));
  bucket.encryptionKey?.grant(grantee, ...rightRows.payloadsKey.actions);
};

/** Whether a value is a bucket and no options. */
export const isBucket = (value: object | undefined): value is IBucket => value !== undefined && "bucketArn" in value;
